"$DRAGOMAN" translate "Good morning." --to de
