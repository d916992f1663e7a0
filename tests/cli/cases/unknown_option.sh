"$DRAGOMAN" translate Hello --to de --bogus
