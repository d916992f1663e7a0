"$DRAGOMAN" quantize "$SOURCE/models/mini" --plan --max-size lots
