"$DRAGOMAN" translate Hello --to de --model nowhere
