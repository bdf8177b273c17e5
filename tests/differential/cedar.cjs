// SPDX-License-Identifier: Apache-2.0
// The same random cases for our engine and for the official one (npm @cedar-policy/cedar-wasm):
//
//   node cedar.cjs PROGRAM REQUESTS [SEED]     PROGRAM: build/…/bin/cedar-answer-tool
//
// Compared are decisions, determining policies, which policies errored, refusals of requests and
// entities that do not fit a schema, verdicts and classes of validation, whether damaged texts
// parse, policies as JSON, and the formatter's style. A difference that is known is named in KNOWN
// with its reason, and counted; anything else fails. Exit code 77: the official engine is missing.
'use strict';
const { spawnSync } = require('child_process');
const { Random, World } = require('./cedar_gen.cjs');
const { Policies, mutate } = require('./cedar_policies.cjs');

let cedar;
try {
  cedar = require('@cedar-policy/cedar-wasm/nodejs');
} catch (e) {
  console.log(`skipped: the official engine is not installed (${e.code || e.message})`);
  process.exit(77);
}

const REQUESTS_PER_CASE = 10;
const CASES_PER_RUN = 100;
const [program, total, firstSeed] = [process.argv[2], Number(process.argv[3]),
  Number(process.argv[4] || 1)];

const KNOWN = {
  action_application: 'a policy that no action applies to is an error for the corpus (Cedar 4.10), '
    + 'which is followed here, and a warning for the official engine from 4.13 on',
  attribute_twice: 'an attribute that a schema text declares twice in one record is an error here, as '
    + 'it is in JSON; the official engine lets the last one count',
  odd_pattern: 'a pattern that turns the direction of text is warned of here; the official engine looks '
    + 'at its escaped form, where nothing turns',
};

function makeCase(seed) {
  const w = new World(seed);
  const { r } = w;
  const typed = r.chance(0.5);
  const wrong = r.chance(0.3) ? 0.05 : 0;
  const p = new Policies(w, r.chance(0.4) ? 0.06 : 0);
  const statics = r.list(6, (i) => p.policy(`s${i}`), 1);
  const slots = r.list(2, () => r.of([['principal'], ['resource'], ['principal', 'resource']]));
  const templates = slots.map((s, i) => p.policy(`t${i}`, s));
  const links = [];
  slots.forEach((s, i) => r.list(3, (k) => links.push({
    templateId: `t${i}`, newId: `l${i}.${k}`,
    values: Object.fromEntries(s.map((slot) => [`?${slot}`, w.uid(w.entityName())])),
  })));
  const schema = w.schema();
  return {
    seed, schema, statics, templates, links, typed,
    entities: w.entities(wrong),
    requests: Array.from({ length: REQUESTS_PER_CASE }, () => w.request(typed ? wrong : 0.1)),
    json: r.chance(0.3), // the official engine's JSON of the policies is what ours reads
    texts: statics.slice(0, 2).map((t) => mutate(r, t)),
    schemas: [mutate(r, schema)],
  };
}

// JavaScript has no integers above 2^53.
const isExact = (t) => !/\d{16}/.test(t);

// What ours reads: texts, or the official engine's JSON of them.
function input(c) {
  const est = { staticPolicies: {}, templates: {}, templateLinks: c.links };
  const texts = [...c.statics, ...c.templates];
  const asText = texts.filter((t, i) => {
    if (!c.json || !isExact(t)) return true;
    const isStatic = i < c.statics.length;
    const id = isStatic ? `s${i}` : `t${i - c.statics.length}`;
    const { json } = isStatic ? cedar.policyToJson(t) : cedar.templateToJson(t);
    if (json) est[isStatic ? 'staticPolicies' : 'templates'][id] = json;
    return !json;
  });
  c.text = asText.join('\n\n');
  return JSON.stringify({
    schema: c.schema, policies: c.text, est: JSON.stringify(est),
    entities: JSON.stringify(c.entities), typed: c.typed, requests: c.requests,
    texts: c.texts, schemas: c.schemas, json: true, style: true,
  });
}

function ours(cases) {
  const run = spawnSync(program, { input: `${cases.map(input).join('\n')}\n`, maxBuffer: 1 << 30, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${program}: ${run.status} ${run.signal} ${run.stderr} ${run.error || ''}`);
  return run.stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
}

const failures = [];
const known = Object.fromEntries(Object.keys(KNOWN).map((k) => [k, 0]));
const counts = {};

function judge(part, same, c, ...what) {
  counts[part] = counts[part] || { passed: 0, total: 0 };
  counts[part].total++;
  if (same) counts[part].passed++;
  else failures.push({ part, seed: c.seed, what: what.map((x) => (typeof x === 'string' ? x : JSON.stringify(x))) });
}

const ids = (texts, prefix) => Object.fromEntries(texts.map((t, i) => [`${prefix}${i}`, t]));
const sorted = (list) => JSON.stringify([...list].sort());

// Without the order of keys.
function canonical(x) {
  if (Array.isArray(x)) return x.map(canonical);
  if (x && typeof x === 'object')
    return Object.fromEntries(Object.keys(x).sort().map((k) => [k, canonical(x[k])]));
  return x;
}

function judgeRequests(c, policies, answers) {
  c.requests.forEach((q, i) => {
    const theirs = cedar.isAuthorized({
      ...q, policies, entities: c.entities,
      ...(c.typed ? { schema: c.schema, validateRequest: true } : {}),
    });
    const own = answers ? answers[i] : null;
    if (theirs.type === 'failure') {
      judge('requests', own === null, c, q, 'official:', theirs.errors[0].message, 'ours:', own);
      return;
    }
    const { decision, diagnostics } = theirs.response;
    judge('requests', own !== null && own.decision === decision
      && sorted(own.reasons) === sorted(diagnostics.reason)
      && sorted(own.errors) === sorted(diagnostics.errors.map((e) => e.policyId)),
    c, q, 'official:', decision, diagnostics, 'ours:', own);
  });
}

const CLASSES = { impossible: 'impossible_policy' };

function judgeValidation(c, policies, findings) {
  const theirs = cedar.validate({ schema: c.schema, policies });
  if (theirs.type === 'failure') {
    judge('validation', false, c, 'official:', theirs.errors);
    return;
  }
  for (const id of Object.keys(findings)) {
    const errors = theirs.validationErrors.filter((e) => e.policyId === id).map((e) => e.error.message);
    const warnings = theirs.validationWarnings.filter((e) => e.policyId === id).map((e) => e.error.message);
    const own = findings[id].filter((f) => !isWarning(f));
    if (own.length && own.every((f) => f === 'invalid_action_application') && !errors.length
      && warnings.some((m) => /applicable action/.test(m))) {
      known.action_application++;
      continue;
    }
    judge('validation', (own.length > 0) === (errors.length > 0), c, id,
      [...c.statics, ...c.templates].find((t) => t.includes(`@id("${id}")`)) || '',
      'official:', errors, 'ours:', findings[id]);
    judge('impossible policies', findings[id].includes(CLASSES.impossible)
      === warnings.some((m) => /policy is impossible/.test(m)), c, id,
    [...c.statics, ...c.templates].find((t) => t.includes(`@id("${id}")`)) || '',
    'official:', warnings, errors, 'ours:', findings[id]);
    for (const [name, pattern] of Object.entries(ODD)) {
      const text = [...c.statics, ...c.templates].find((t) => t.includes(`@id("${id}")`)) || '';
      if (name === 'bidi_chars_in_string' && findings[id].includes(name)
        && !warnings.some((m) => pattern.test(m)) && /like "[^"]*\u202E/.test(text)) {
        known.odd_pattern++;
        continue;
      }
      judge('odd text', findings[id].includes(name) === warnings.some((m) => pattern.test(m)), c, id, name,
        text, 'official:', warnings, 'ours:', findings[id]);
    }
  }
}

// What the official engine's warnings of odd text say, by our names of the classes.
const ODD = {
  bidi_chars_in_string: /string .* contains BIDI control/s,
  bidi_chars_in_identifier: /identifier .* contains BIDI control/s,
  mixed_script_string: /string .* contains mixed scripts/s,
  mixed_script_identifier: /identifier .* contains mixed scripts/s,
  confusable_identifier: /identifier .* General Security Profile/s,
};

const isWarning = (f) => ['impossible_policy', 'bidi_chars_in_string', 'bidi_chars_in_identifier',
  'mixed_script_string', 'mixed_script_identifier', 'confusable_identifier'].includes(f);

function judgeParsing(c, own) {
  c.texts.forEach((t, i) => {
    const theirs = cedar.policySetTextToParts(t);
    judge('damaged policies', (own.texts[i] === true) === (theirs.type === 'success'), c, t,
      'ours:', own.texts[i], theirs);
  });
  c.schemas.forEach((t, i) => {
    const theirs = cedar.checkParseSchema(t);
    if (theirs.type === 'success' && /^[^\n]*the attribute `[^\n]*` is there twice/.test(own.schemas[i]))
      known.attribute_twice++;
    else
      judge('damaged schemas', (own.schemas[i] === true) === (theirs.type === 'success'), c, t,
        'ours:', own.schemas[i], theirs);
  });
}

function judgeWriting(c, own) {
  const json = JSON.parse(own.json);
  c.statics.forEach((t, i) => {
    if (isExact(t)) judge('policies as JSON', JSON.stringify(canonical(json.staticPolicies[`s${i}`]))
      === JSON.stringify(canonical(cedar.policyToJson(t).json)), c, t, json.staticPolicies[`s${i}`]);
  });
  c.templates.forEach((t, i) => {
    if (isExact(t)) judge('policies as JSON', JSON.stringify(canonical(json.templates[`t${i}`]))
      === JSON.stringify(canonical(cedar.templateToJson(t).json)), c, t, json.templates[`t${i}`]);
  });
  const style = cedar.formatPolicies({ policyText: c.text, lineWidth: 80, indentWidth: 2 });
  // The official one counts columns as a terminal shows them, here code points are counted.
  if (c.text && !/[^\x00-\u0200]/.test(c.text))
    judge('style', style.formatted_policy === own.style, c, style.formatted_policy, own.style);
}

function judgeCase(c, own) {
  const policies = { staticPolicies: ids(c.statics, 's'), templates: ids(c.templates, 't'),
    templateLinks: c.links };
  judgeParsing(c, own);
  if (own.error) {
    const theirs = cedar.checkParseEntities({ entities: c.entities, ...(c.typed ? { schema: c.schema } : {}) });
    judge('entities', theirs.type === 'failure', c, 'ours:', own.error);
    return;
  }
  judgeRequests(c, policies, own.answers);
  judgeValidation(c, policies, own.findings);
  judgeWriting(c, own);
}

function main() {
  const asked = () => (counts.requests ? counts.requests.total : 0);
  for (let seed = firstSeed; asked() < total; seed += CASES_PER_RUN) {
    const cases = Array.from({ length: CASES_PER_RUN }, (_, i) => makeCase(seed + i));
    const answers = ours(cases);
    cases.forEach((c, i) => judgeCase(c, answers[i]));
  }
  for (const f of failures.slice(0, 20)) console.log(`${f.part}, seed ${f.seed}:\n  ${f.what.join('\n  ')}`);
  if (failures.length > 20) console.log(`and ${failures.length - 20} more`);
  for (const [k, n] of Object.entries(known))
    if (n) console.log(`cedar known difference, ${k}: ${n} (${KNOWN[k]})`);
  let passed = 0, sum = 0;
  for (const [part, n] of Object.entries(counts)) {
    console.log(`cedar differential, ${part}: ${n.passed}/${n.total}`);
    passed += n.passed;
    sum += n.total;
  }
  console.log(`cedar differential (${cedar.getCedarVersion()}): ${passed}/${sum}`);
  process.exit(passed === sum && sum > 0 ? 0 : 1);
}

main();
