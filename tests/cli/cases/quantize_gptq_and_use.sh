"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o gptq --format gptq --bits 8 --group-size 128 --max-sentences 6 | sed 's/ in [0-9.]* s$//'
ls gptq
"$DRAGOMAN" --quiet translate "Good morning." --to de --model gptq
