// Lets real llama.cpp (node-llama-cpp's prebuilt binary) read a GGUF, tokenize prompts and continue them greedily.
// usage: node llama_greedy.mjs MODEL.gguf PROMPTS.json
// PROMPTS.json: [{"prompt": text with special tokens, "max_new_tokens": n}, ...]
// Prints one JSON line a prompt: {"ids": [...], "greedy_ids": [...]} (end token included when reached).
import {readFileSync} from "node:fs";

const {getLlama} = await import("node-llama-cpp");
const [modelPath, promptsPath] = process.argv.slice(2);
const prompts = JSON.parse(readFileSync(promptsPath, "utf8"));
const llama = await getLlama({gpu: false, build: "never", skipDownload: true, logLevel: "error", progressLogs: false});
const model = await llama.loadModel({modelPath, gpuLayers: 0, useMmap: true});
const context = await model.createContext({contextSize: 1024, batchSize: 512, threads: 1, flashAttention: false});
for (const {prompt, max_new_tokens: limit} of prompts) {
  const ids = [...model.tokenize(prompt, true)];
  const sequence = context.getSequence();
  const greedyIds = [];
  for await (const id of sequence.evaluate(ids, {temperature: 0, yieldEogToken: true})) {
    greedyIds.push(id);
    if (model.isEogToken(id) || greedyIds.length >= limit) break;
  }
  sequence.dispose();
  process.stdout.write(JSON.stringify({ids, greedy_ids: greedyIds}) + "\n");
}
await context.dispose();
await model.dispose();
await llama.dispose();
