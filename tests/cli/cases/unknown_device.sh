"$DRAGOMAN" translate Hello --to de --device cuda:0
