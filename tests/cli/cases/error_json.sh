"$DRAGOMAN" --json translate Hello --to xx-notalanguage
