// What PactFlow's comparator says of the cases: `node pactflow.cjs cases/*.json` prints each that differs from its record.
// In a directory of its own: npm install @pactflow/openapi-pact-comparator@1.7.0 (later ones need Node 22).
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { Comparator } = createRequire(`${process.cwd()}/`)("@pactflow/openapi-pact-comparator");

async function verdict({ openapi, interaction }) {
  const pact = { interactions: [interaction], metadata: { pactSpecification: { version: "4.0" } } };
  try {
    const found = [];
    for await (const each of new Comparator(openapi).compare(pact)) found.push(each.type);
    return found.includes("error") ? "refuses" : "fits";
  } catch {
    return "crashes";
  }
}

(async () => {
  let judged = 0;
  let different = 0;
  for (const file of process.argv.slice(2)) {
    for (const one of JSON.parse(readFileSync(file, "utf8"))) {
      const found = await verdict(one);
      judged += 1;
      if (found !== one.pactflow) {
        different += 1;
        console.log(`${file}: ${one.name}: recorded ${one.pactflow}, found ${found}`);
      }
    }
  }
  console.log(`${judged} judged, ${different} different from the record`);
  process.exitCode = different ? 1 : 0;
})();
