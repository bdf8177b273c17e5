// SPDX-License-Identifier: Apache-2.0
// Random policies over a world of cedar_gen.cjs: expressions are made by type, so that most fit.
'use strict';
const g = require('./cedar_gen.cjs');

const { BOOL, LONG, STRING } = g;

class Policies {
  constructor(world, noise) {
    this.w = world;
    this.r = world.r;
    this.noise = noise; // the chance that an expression is of another type than is wanted
  }

  // What can be read of the request in an environment, with its type, up to two steps deep.
  readings(env) {
    const found = [];
    const add = (text, type, guards, depth) => {
      found.push({ text, type, guards });
      if (depth === 0) return;
      let attrs = null;
      if (type.kind === 'Record') attrs = type.attrs;
      else if (type.kind === 'Entity') attrs = this.entityAttrs(type.name);
      for (const [n, a] of Object.entries(attrs || {})) {
        const path = g.isIdent(n) ? `${text}.${n}` : `${text}[${g.escape(n)}]`;
        add(path, a.type, a.required ? guards : [...guards, `${text} has ${g.key(n)}`], depth - 1);
      }
    };
    add('principal', { kind: 'Entity', name: env.principal }, [], 2);
    add('resource', { kind: 'Entity', name: env.resource }, [], 2);
    add('context', { kind: 'Record', attrs: env.action.context }, [], 2);
    add('action', { kind: 'Entity', name: this.w.actionType }, [], 0);
    return found;
  }

  entityAttrs(name) {
    const t = this.w.types.find((x) => x.name === name);
    return t ? t.attrs : {};
  }

  same(a, b) { return JSON.stringify(a) === JSON.stringify(b); }

  // An expression of that type.
  expr(type, depth) {
    const { r } = this;
    if (r.chance(this.noise)) type = this.w.type(1);
    const fitting = this.env.readings.filter((x) => this.same(x.type, type));
    if (fitting.length && r.chance(0.45)) return this.reading(r.of(fitting), type, depth);
    if (depth > 0 && r.chance(0.08))
      return `(if ${this.expr(BOOL, depth - 1)} then ${this.expr(type, depth - 1)} else ${
        this.expr(type, depth - 1)})`;
    if (depth > 0 && r.chance(0.06)) return this.tag(type, depth);
    if (depth > 0 && r.chance(0.04))
      return `{k: ${this.expr(type, depth - 1)}, "l m": ${this.expr(LONG, 0)}}.k`;
    return this.made(type, depth);
  }

  // Mostly asks before it reads what may be absent.
  reading(x, type, depth) {
    if (!x.guards.length || this.r.chance(0.25)) return x.text;
    if (type.kind === 'Bool') return `(${x.guards.join(' && ')} && ${x.text})`;
    return `(if ${x.guards.join(' && ')} then ${x.text} else ${this.made(type, Math.max(0, depth - 1))})`;
  }

  tag(type, depth) {
    const owner = this.r.of(['principal', 'resource']);
    const k = this.r.chance(0.8) ? g.escape(this.r.of(g.TAGS)) : this.expr(STRING, depth - 1);
    if (this.r.chance(0.3)) return `${owner}.getTag(${k})`;
    return `(if ${owner}.hasTag(${k}) then ${owner}.getTag(${k}) else ${this.made(type, depth - 1)})`;
  }

  made(type, depth) {
    const { r } = this;
    switch (type.kind) {
      case 'Bool': return this.bool(depth);
      case 'Long': return this.long(depth);
      case 'String': return g.escape(r.of(g.STRINGS));
      case 'Entity': return g.uidText(this.w.uid(type.name));
      case 'Set': return `[${r.list(3, () => this.expr(type.of, depth - 1), r.chance(0.9) ? 1 : 0).join(', ')}]`;
      case 'Record': return `{${Object.entries(type.attrs).filter(([, a]) => a.required || r.chance(0.5))
        .map(([n, a]) => `${g.key(n)}: ${this.expr(a.type, depth - 1)}`).join(', ')}}`;
      default: return this.extension(type.kind, depth);
    }
  }

  long(depth) {
    const { r } = this;
    if (depth <= 0 || r.chance(0.4)) return r.of(g.LONGS);
    const a = () => this.expr(LONG, depth - 1);
    switch (r.below(6)) {
      case 0: return `(${a()} + ${a()})`;
      case 1: return `(${a()} - ${a()})`;
      case 2: return `(${a()} * ${a()})`;
      case 3: return `-(${a()})`;
      default: return `(${this.expr({ kind: 'duration' }, depth - 1)}).${
        r.of(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'])}()`;
    }
  }

  extension(kind, depth) {
    const { r } = this;
    if (depth > 0 && kind === 'datetime' && r.chance(0.3))
      return r.chance(0.5) ? `(${this.expr({ kind }, depth - 1)}).toDate()`
        : `(${this.expr({ kind }, depth - 1)}).offset(${this.expr({ kind: 'duration' }, depth - 1)})`;
    if (depth > 0 && kind === 'duration' && r.chance(0.3))
      return r.chance(0.5) ? `(${this.expr({ kind: 'datetime' }, depth - 1)}).toTime()`
        : `(${this.expr({ kind: 'datetime' }, depth - 1)}).durationSince(${
          this.expr({ kind: 'datetime' }, depth - 1)})`;
    if (r.chance(0.03)) return `${g.MAKERS[kind]}(${this.expr(STRING, depth - 1)})`;
    return `${g.MAKERS[kind]}(${g.escape(r.of(r.chance(0.06) ? g.INVALID[kind] : g.VALID[kind]))})`;
  }

  bool(depth) {
    const { r } = this;
    if (depth <= 0) return r.of(['true', 'false']);
    const d = depth - 1;
    const entity = () => this.expr({ kind: 'Entity', name: this.w.entityName() }, d);
    const someType = () => this.w.type(1);
    switch (r.below(18)) {
      case 0: return `(${r.list(4, () => this.expr(BOOL, d), 2).join(' && ')})`;
      case 1: return `(${r.list(4, () => this.expr(BOOL, d), 2).join(' || ')})`;
      case 2: return `!${this.paren(this.expr(BOOL, d))}`;
      case 3:
      case 4: {
        const t = someType();
        return `(${this.expr(t, d)} ${r.of(['==', '!='])} ${this.expr(t, d)})`;
      }
      case 5: {
        const t = r.of([LONG, LONG, { kind: 'datetime' }, { kind: 'duration' }]);
        return `(${this.expr(t, d)} ${r.of(['<', '<=', '>', '>='])} ${this.expr(t, d)})`;
      }
      case 6: return `(${r.of(['principal', 'resource', entity()])} in ${entity()})`;
      case 7: return `(${r.of(['principal', 'resource', entity()])} in [${r.list(3, entity, 1).join(', ')}])`;
      case 8: return `(action in ${this.action()})`;
      case 9: return this.has();
      case 10: return `(${this.expr(STRING, d)} like ${g.escape(r.of(g.STRINGS)).slice(0, -1)}*")`;
      case 11: return `(${entity()} is ${this.w.entityName()}${r.chance(0.4) ? ` in ${entity()}` : ''})`;
      case 12: {
        const t = someType();
        const set = { kind: 'Set', of: t };
        return r.of([() => `(${this.expr(set, d)}).contains(${this.expr(t, d)})`,
          () => `(${this.expr(set, d)}).containsAll(${this.expr(set, d)})`,
          () => `(${this.expr(set, d)}).containsAny(${this.expr(set, d)})`,
          () => `(${this.expr(set, d)}).isEmpty()`])();
      }
      case 13: return `${r.of(['principal', 'resource'])}.hasTag(${g.escape(r.of(g.TAGS))})`;
      case 14: return r.chance(0.5)
        ? `(${this.expr({ kind: 'ipaddr' }, d)}).isInRange(${this.expr({ kind: 'ipaddr' }, d)})`
        : `(${this.expr({ kind: 'ipaddr' }, d)}).${r.of(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'])}()`;
      case 15: return `(${this.expr({ kind: 'decimal' }, d)}).${
        r.of(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'])}(${
        this.expr({ kind: 'decimal' }, d)})`;
      case 16: return r.of(['true', 'false']);
      default: return `(${r.of(['principal', 'resource'])} == ${entity()})`;
    }
  }

  paren(text) { return /^[-("[{a-zA-Z]/.test(text) ? `(${text})` : text; }

  has() {
    const x = this.r.of(this.env.readings.filter((y) => ['Entity', 'Record'].includes(y.type.kind)));
    const attrs = x.type.kind === 'Record' ? x.type.attrs : this.entityAttrs(x.type.name);
    const names = [...Object.keys(attrs), 'nope', 'x y'];
    const n = this.r.of(names);
    if (g.isIdent(n) && this.r.chance(0.3)) return `(${x.text} has ${n}.${this.r.of(['a', 'b', 'owner'])})`;
    return `(${x.text} has ${g.key(n)})`;
  }

  action() {
    const id = this.r.chance(0.04) ? 'nope' : this.r.of(this.w.actions).id;
    return g.uidText({ type: this.w.actionType, id });
  }

  scope(name, type, slot) {
    const { r } = this;
    const other = r.chance(0.2) ? this.w.entityName() : type;
    const target = () => (slot ? `?${name}` : g.uidText(this.w.uid(r.chance(0.5) ? other : this.w.entityName())));
    switch (slot ? 1 + r.below(3) : r.below(6)) {
      case 1: return `${name} == ${target()}`;
      case 2: return `${name} in ${target()}`;
      case 3: return `${name} is ${other} in ${target()}`;
      case 4: return `${name} is ${other}`;
      default: return name;
    }
  }

  actionScope(env) {
    const own = g.uidText({ type: this.w.actionType, id: env.action.id });
    switch (this.r.below(6)) {
      case 0: return `action == ${this.r.chance(0.8) ? own : this.action()}`;
      case 1: return `action in ${this.action()}`;
      case 2: return `action in [${this.r.list(2, () => this.action()).concat(this.r.chance(0.8) ? [own] : []).join(', ')}]`;
      default: return 'action';
    }
  }

  // One policy; slots: which of principal and resource are slots.
  policy(id, slots = []) {
    const { r } = this;
    const usable = this.w.actions.filter((a) => a.principals.length && a.resources.length);
    const action = r.of(usable);
    this.env = { action, principal: r.of(action.principals), resource: r.of(action.resources) };
    this.env.readings = this.readings(this.env);
    const clauses = r.list(2, () => `\n${r.chance(0.75) ? 'when' : 'unless'} { ${this.expr(BOOL, 3)} }`);
    return `@id(${g.escape(id)})\n${r.chance(0.3) ? '@note\n' : ''}${r.chance(0.7) ? 'permit' : 'forbid'} (${
      this.scope('principal', this.env.principal, slots.includes('principal'))}, ${
      this.actionScope(this.env)}, ${
      this.scope('resource', this.env.resource, slots.includes('resource'))})${clauses.join('')};`;
  }
}

// A text with a few characters changed, lost or doubled.
function mutate(r, text) {
  const chars = [...text];
  for (let n = 1 + r.below(2); n > 0; n--) {
    const at = r.below(chars.length);
    switch (r.below(4)) {
      case 0: chars.splice(at, 1); break;
      case 1: chars.splice(at, 0, r.of([...'(){}[]<>=!&|+-*.,;:"\\?@ \n/0aé%'])); break;
      case 2: chars.splice(at, 0, ...chars.slice(at, at + 1 + r.below(6))); break;
      default: chars[at] = r.of([...'(){}[]<>=!&|+-*.,;:"\\?@ \n/0aé']);
    }
  }
  return chars.join('');
}

module.exports = { Policies, mutate };
