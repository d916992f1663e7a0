"$DRAGOMAN" --json translate "Good morning." "" "Good morning." --to de
