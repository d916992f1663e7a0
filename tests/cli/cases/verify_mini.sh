"$DRAGOMAN" --json --quiet verify "$SOURCE/models/mini"
