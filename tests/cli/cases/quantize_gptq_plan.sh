"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" --format gptq --plan
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" --format gptq --bits 3 --group-size -1 --plan
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" --format compressed-tensors --max-shard-size 16MB --plan
