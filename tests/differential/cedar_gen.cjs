// SPDX-License-Identifier: Apache-2.0
// Random Cedar worlds: a schema, entities, policies that mostly fit it, templates with links, and
// requests. All comes from one seed.
'use strict';

class Random {
  constructor(seed) { this.state = seed >>> 0; }

  next() { // mulberry32
    this.state = (this.state + 0x6D2B79F5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(n) { return Math.floor(this.next() * n); }
  chance(p) { return this.next() < p; }
  of(list) { return list[this.below(list.length)]; }
  some(list, p = 0.5) { return list.filter(() => this.chance(p)); }
  list(max, make, min = 0) {
    return Array.from({ length: min + this.below(max - min + 1) }, (_, i) => make(i));
  }
}

const NAMES = ['a', 'b', 'owner', 'level', 'x y', 'if', 'tags', '', 'é'];
const STRINGS = ['', 'a', 'b', 'ab', 'a*b', '\\', '"', '\n', 'é', '日本', '\u0000', "it's", 'x.y',
  'say_\u04BBello', 'a\u202Eb', '\u6f22\u5b57\u304b\u306a', 'is\u200BAdmin', '\u03B1b', '\u{1F34C}'];
const TAGS = ['a', 'b', 'key', ''];
const IDS = ['a', 'b', 'c', 'x"y', ''];
const LONGS = ['0', '1', '2', '-1', '7', '42', '9223372036854775807', '-9223372036854775808',
  '9007199254740991', '-9007199254740991', '4611686018427387904'];
const SMALL = [0, 1, 2, -1, 7, 42, 9007199254740991, -9007199254740991];
const VALID = {
  ipaddr: ['127.0.0.1', '10.0.0.0/8', '10.1.2.3', '::1', 'ff00::/8', '1:2::3/64', '0.0.0.0/0',
    '224.0.0.1', '::ffff:1.2.3.4', '255.255.255.255/32'],
  decimal: ['0.0', '1.0', '-1.5', '922337203685477.5807', '-922337203685477.5808', '0.0001', '12.34'],
  datetime: ['1970-01-01', '2024-02-29', '2024-01-01T00:00:00Z', '2024-01-01T23:59:59.999Z',
    '2024-01-01T12:00:00+0530', '0000-01-01', '9999-12-31', '1969-12-31T23:59:59.999Z'],
  duration: ['0ms', '1d', '-1d', '1h30m', '2d3h4m5s6ms', '9223372036854775807ms', '-1ms', '36h'],
};
const INVALID = {
  ipaddr: ['', '1.2.3', '256.0.0.1', '1.2.3.4/33', '::1/129', '01.2.3.4', '1.2.3.4/08', ':::1',
    '1:2:3:4:5:6:7:8:9', '1.2.3.4/', 'a'],
  decimal: ['1', '1.', '.1', '1.23456', '922337203685477.5808', '+1.0', '1e1', ' 1.0', '1.0a'],
  datetime: ['2023-02-29', '2024-13-01', '24-01-01', '2024-01-01T24:00:00Z', '2024-01-01T00:00:60Z',
    '2024-01-01T00:00:00', '2024-01-01T00:00:00+2400', '2024-1-1', ''],
  duration: ['', '1', 'd', '1h1d', '1d1d', '9223372036854775808ms', '1.5h', '+1d', '1y'],
};
const MAKERS = { ipaddr: 'ip', decimal: 'decimal', datetime: 'datetime', duration: 'duration' };
const EXTENSIONS = Object.keys(MAKERS);

// Types: {kind: 'Bool' | 'Long' | 'String' | extension}, {kind: 'Set', of}, {kind: 'Entity', name},
// {kind: 'Record', attrs: {name: {type, required}}}
const BOOL = { kind: 'Bool' }, LONG = { kind: 'Long' }, STRING = { kind: 'String' };

function escape(s) {
  return '"' + [...s].map((c) => (c === '"' || c === '\\' ? '\\' + c
    : c === '\n' ? '\\n' : c === '\u0000' ? '\\0' : c)).join('') + '"';
}

const isIdent = (s) => /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(s)
  && !['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar'].includes(s);
const key = (s) => (isIdent(s) ? s : escape(s));
const uidText = (u) => `${u.type}::${escape(u.id)}`;

class World {
  constructor(seed) {
    const r = new Random(seed);
    this.r = r;
    this.ns = r.chance(0.3) ? 'N' : '';
    const q = (name) => (this.ns ? `${this.ns}::${name}` : name);
    this.q = q;
    const names = ['User', 'Group', 'Doc', 'Dir'].slice(0, 2 + r.below(3));
    this.enum = r.chance(0.5) ? { name: q('Color'), ids: ['red', 'blue', ''] } : null;
    this.types = names.map((n, i) => ({ name: q(n), index: i, parents: [], attrs: {}, tags: null }));
    for (const t of this.types) {
      t.parents = r.some(this.types, 0.4).map((p) => p.name);
      t.attrs = this.attrs(2);
      if (r.chance(0.5)) t.tags = r.chance(0.7) ? STRING : this.type(1);
    }
    this.actions = ['read', 'write', 'all', 'x y'].slice(0, 2 + r.below(3)).map((id, i, all) => ({
      id, parents: i + 1 < all.length && r.chance(0.5) ? [all[all.length - 1]] : [],
      principals: r.some(this.types, 0.6).map((t) => t.name),
      resources: r.some(this.types, 0.6).map((t) => t.name),
      context: this.attrs(1),
    }));
    this.actions.forEach((a, i) => {
      if (i === 0 || !a.principals.length || !a.resources.length) {
        if (i === 0 && !a.principals.length) a.principals = [this.types[0].name];
        if (i === 0 && !a.resources.length) a.resources = [this.types[1].name];
      }
    });
    this.actionType = q('Action');
  }

  type(depth) {
    const { r } = this;
    const k = r.below(depth > 0 ? 13 : 10);
    if (k < 2) return LONG;
    if (k < 4) return STRING;
    if (k < 5) return BOOL;
    if (k < 7) return { kind: 'Entity', name: this.entityName() };
    if (k < 10) return { kind: r.of(EXTENSIONS) };
    if (k < 12) return { kind: 'Set', of: this.type(depth - 1) };
    return { kind: 'Record', attrs: this.attrs(depth - 1) };
  }

  entityName() {
    if (this.enum && this.r.chance(0.15)) return this.enum.name;
    return this.r.of(this.types).name;
  }

  attrs(depth) {
    const attrs = {};
    for (const n of this.r.some(NAMES, 0.4))
      attrs[n] = { type: this.type(depth), required: this.r.chance(0.6) };
    return attrs;
  }

  // ---- the schema's text

  typeText(t) {
    if (t.kind === 'Set') return `Set<${this.typeText(t.of)}>`;
    if (t.kind === 'Entity') return t.name;
    if (t.kind === 'Record') return this.recordText(t.attrs);
    return t.kind;
  }

  recordText(attrs) {
    return `{${Object.entries(attrs).map(([n, a]) =>
      `${escape(n)}${a.required ? '' : '?'}: ${this.typeText(a.type)}`).join(', ')}}`;
  }

  schema() {
    const bare = (n) => n.split('::').pop();
    const lines = this.types.map((t) => `entity ${bare(t.name)}`
      + `${t.parents.length ? ` in [${t.parents.join(', ')}]` : ''} = ${this.recordText(t.attrs)}`
      + `${t.tags ? ` tags ${this.typeText(t.tags)}` : ''};`);
    if (this.enum)
      lines.push(`entity ${bare(this.enum.name)} enum [${this.enum.ids.map(escape).join(', ')}];`);
    for (const a of this.actions) {
      const applies = a.principals.length && a.resources.length
        ? ` appliesTo {principal: [${a.principals.join(', ')}], resource: [${
          a.resources.join(', ')}], context: ${this.recordText(a.context)}}` : '';
      lines.push(`action ${escape(a.id)}${a.parents.length
        ? ` in [${a.parents.map(escape).join(', ')}]` : ''}${applies};`);
    }
    const text = lines.join('\n');
    return this.ns ? `namespace ${this.ns} {\n${text}\n}` : text;
  }

  // ---- data

  uid(type) {
    if (this.enum && type === this.enum.name && !this.r.chance(0.03))
      return { type, id: this.r.of(this.enum.ids) };
    return { type, id: this.r.of(IDS) };
  }

  value(t) {
    const { r } = this;
    if (t.kind === 'Bool') return r.chance(0.5);
    if (t.kind === 'Long') return r.of(SMALL);
    if (t.kind === 'String') return r.of(STRINGS);
    if (t.kind === 'Entity') return { __entity: this.uid(t.name) };
    if (t.kind === 'Set') return r.list(3, () => this.value(t.of));
    if (t.kind === 'Record') return this.record(t.attrs);
    return { __extn: { fn: MAKERS[t.kind], arg: r.of(VALID[t.kind]) } };
  }

  // wrong: the chance that a value is of another type, or an attribute too much or too little
  record(attrs, wrong = 0) {
    const out = {};
    for (const [n, a] of Object.entries(attrs)) {
      if (a.required ? this.r.chance(wrong) : this.r.chance(0.5)) continue;
      out[n] = this.value(this.r.chance(wrong) ? this.type(1) : a.type);
    }
    if (this.r.chance(wrong)) out.more = 1;
    return out;
  }

  entities(wrong) {
    const { r } = this;
    const out = [];
    const all = [];
    for (const t of this.types)
      for (const id of r.some(IDS, 0.6)) all.push({ type: t.name, id });
    all.forEach((uid, i) => {
      const t = this.types.find((x) => x.name === uid.type);
      const parents = r.some(all.slice(i + 1).filter((p) => t.parents.includes(p.type)), 0.4);
      const e = { uid, attrs: this.record(t.attrs, wrong), parents };
      if (t.tags)
        e.tags = Object.fromEntries(r.some(TAGS, 0.5).map((k) => [k, this.value(t.tags)]));
      out.push(e);
    });
    return out;
  }

  request(wrong) {
    const { r } = this;
    const usable = this.actions.filter((a) => a.principals.length && a.resources.length);
    const a = r.chance(wrong) || !usable.length ? r.of(this.actions) : r.of(usable);
    const pick = (list) => (r.chance(wrong) || !list.length ? this.entityName() : r.of(list));
    return {
      principal: this.uid(pick(a.principals)),
      action: { type: this.actionType, id: r.chance(wrong / 2) ? 'nope' : a.id },
      resource: this.uid(pick(a.resources)),
      context: this.record(a.context, wrong),
    };
  }
}

module.exports = { Random, World, escape, key, isIdent, uidText, VALID, INVALID, MAKERS, EXTENSIONS,
  STRINGS, TAGS, IDS, LONGS, BOOL, LONG, STRING };
