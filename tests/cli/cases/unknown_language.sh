"$DRAGOMAN" translate Hello --to germn
