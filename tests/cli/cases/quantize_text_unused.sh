"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o a.gguf --type q4_0 --max-sentences 3
