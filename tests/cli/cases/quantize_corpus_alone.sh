echo text > corpus.txt
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o a.gguf --corpus corpus.txt
