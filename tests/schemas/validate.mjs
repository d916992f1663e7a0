// Checks JSON documents against the schema that their "schema" field names, with a real JSON Schema validator.
// usage: node validate.mjs SCHEMA_FOLDER FILE...
import {readFileSync, readdirSync} from "node:fs";
import {join} from "node:path";

const {default: Ajv} = await import("ajv/dist/2020.js");
const [folder, ...files] = process.argv.slice(2);
const ajv = new Ajv({allErrors: true, strict: false});
const byId = new Map();
// Every document name ("dragoman.x/1") that a schema file describes: the constants of its "schema" members.
const namesIn = (node) =>
  node === null || typeof node !== "object"
    ? []
    : [...(typeof node.schema?.const === "string" ? [node.schema.const] : []), ...Object.values(node).flatMap(namesIn)];
for (const name of readdirSync(folder).filter((file) => file.endsWith(".schema.json"))) {
  const schema = JSON.parse(readFileSync(join(folder, name), "utf8"));
  const validate = ajv.compile(schema);
  for (const id of namesIn(schema)) byId.set(id, {name, validate});
}
let failed = 0;
for (const file of files) {
  const document = JSON.parse(readFileSync(file, "utf8"));
  const entry = byId.get(document.schema);
  if (!entry) {
    console.log(`FAILED ${file}: no schema for "${document.schema}"`);
    failed++;
  } else if (!entry.validate(document)) {
    console.log(`FAILED ${file} against ${entry.name}`);
    for (const error of entry.validate.errors.slice(0, 10)) console.log(`  ${error.instancePath} ${error.message}`);
    failed++;
  } else {
    console.log(`valid ${file} (${document.schema})`);
  }
}
console.log(`${files.length} documents, ${failed} failed`);
process.exit(failed === 0 && files.length > 0 ? 0 : 1);
