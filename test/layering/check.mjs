/**
 * Runs dependency-cruiser's rules over src/ and bench/, and makes sure that it really looked: with a TypeScript that
 * has no compiler API it finds one module, no edges, and nothing to complain about. So every source file must have been
 * seen, and at least MINIMUM_EDGES imports between them.
 */
import { readdirSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const FOLDERS = ['src', 'bench'];
/** A little less than the present number. Raise it as the tree grows. */
const MINIMUM_EDGES = 800;

const options = await extractDepcruiseOptions('./.dependency-cruiser.cjs');
const { output } = await cruise(FOLDERS, options, undefined, {
  tsConfig: extractTSConfig('./tsconfig.json'),
});
const seen = new Set(output.modules.map((module) => module.source));
const own = (path) => FOLDERS.some((folder) => path.startsWith(`${folder}/`));
const edges = output.modules
  .filter((module) => own(module.source))
  .reduce((sum, module) => sum + module.dependencies.filter((edge) => own(edge.resolved)).length, 0);
const files = FOLDERS.flatMap(sourcesIn);
const missed = files.filter((file) => !seen.has(file));

for (const { rule, from, to, cycle } of output.summary.violations) {
  const path = cycle === undefined ? to : cycle.map((step) => step.name).join(' → ');
  const { comment } = output.summary.ruleSetUsed.forbidden.find(({ name }) => name === rule.name) ?? {};
  console.error(`${rule.name}: ${from} → ${path}${comment === undefined ? '' : `\n    ${comment}`}`);
}
for (const file of missed) console.error(`not seen: ${file}`);
if (edges < MINIMUM_EDGES) console.error(`only ${edges} imports seen, expected at least ${MINIMUM_EDGES}`);
console.log(
  `layering: ${files.length - missed.length} of ${files.length} modules, ${edges} imports between them`,
);

const healthy = output.summary.violations.length === 0 && missed.length === 0 && edges >= MINIMUM_EDGES;
process.exitCode = healthy ? 0 : 1;

function sourcesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => /\.ts$/.test(entry.name))
    .map((entry) => `${entry.parentPath}/${entry.name}`);
}
