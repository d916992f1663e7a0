printf 'Good morning.\n\n  Good morning.  \r\nGood morning.' | "$DRAGOMAN" --quiet translate --to de
