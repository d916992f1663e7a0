// Checks JSON documents against the schema that their "schema" field names, with a real JSON Schema validator.
// usage: node validate.mjs SCHEMA_FOLDER FILE...
import {readFileSync, readdirSync} from "node:fs";
import {join} from "node:path";

const {default: Ajv} = await import("ajv/dist/2020.js");
const [folder, ...files] = process.argv.slice(2);
const ajv = new Ajv({allErrors: true, strict: false});
const byId = new Map();
// The documents ("dragoman.x/1") that a schema file describes: itself, or several under $defs.
const namesIn = (schema) =>
  [schema, ...Object.values(schema.$defs ?? {})].map((node) => node.properties?.schema?.const).filter((name) => name);
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
