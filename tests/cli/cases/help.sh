"$DRAGOMAN" --help && "$DRAGOMAN" quantize --help && "$DRAGOMAN" ship --help
