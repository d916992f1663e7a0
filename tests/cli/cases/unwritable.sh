"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o /proc/nowhere/a.gguf --type q8_0
