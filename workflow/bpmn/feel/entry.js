// FEEL inside the isolate. One door each way: a JSON string goes in, a JSON string comes out, so that a
// batch costs one crossing. Nothing of the host is reachable from here.
import { evaluate, parseExpression, parseUnaryTests, unaryTest } from "@bpmn-io/feelin";
import { DateTime, Duration, FixedOffsetZone, Settings, SystemZone } from "luxon";

// The station's zone: Asia/Shanghai has had no summer time since 1991. Two equal objects, because feelin
// leaves the offset away when a moment carries the system's zone object itself.
const zone = FixedOffsetZone.instance(480);
const systemZone = FixedOffsetZone.instance(480);
Object.defineProperty(SystemZone, "instance", { get: () => systemZone });
Settings.defaultZone = zone;

// feelin's date(moment) takes the day in UTC, which is yesterday here before 08:00: keep the written day.
const setZone = DateTime.prototype.setZone;
DateTime.prototype.setZone = function (target, options) {
  return setZone.call(this, target, target === "utc" ? { keepLocalTime: true, ...options } : options);
};

const MAX_ANSWER = 1_000_000;
const BUILTINS = new Set(
  `number|string|date|date and time|time|duration|years and months duration|now|today|not|substring
|string length|upper case|lower case|substring before|substring after|replace|contains|matches|starts with
|ends with|split|extract|string join|list contains|list replace|count|min|max|sum|mean|all|any|sublist
|append|concatenate|insert before|remove|reverse|index of|union|distinct values|duplicate values|flatten
|product|median|stddev|mode|partition|decimal|floor|ceiling|round up|round down|round half up
|round half down|abs|modulo|sqrt|log|exp|odd|even|before|after|meets|met by|overlaps|overlaps before
|overlaps after|finishes|finished by|includes|during|starts|started by|coincides|day of year|day of week
|month of year|week of year|last day of month|sort|get value|get entries|context|context put
|context merge|is|range|trim|is empty|is blank|get or else|is defined|assert|from json|to json`
    .replace(/\n/g, "")
    .split("|")
    .filter((name) => {
      // Only what this version really has: an absent function evaluates to a warning, never to a value.
      try {
        return !evaluate(`${name}()`, {}).warnings.some((warning) => warning.type === "NO_VARIABLE_FOUND");
      } catch {
        return true;
      }
    }),
);

/** A FEEL value as plain JSON: dates, times and durations as ISO 8601 text, what has no JSON form as null. */
function plain(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(plain);
  if (DateTime.isDateTime(value)) return isoMoment(value);
  if (Duration.isDuration(value)) return isoDuration(value);
  if (Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return null;
}

function isoMoment(moment) {
  if (!moment.isValid) return null;
  if (moment.year === 1900 && moment.month === 1 && moment.day === 1) {
    return moment.toISOTime({ suppressMilliseconds: true });
  }
  const midnight = moment.hour + moment.minute + moment.second + moment.millisecond === 0;
  if (midnight && moment.zone === FixedOffsetZone.utcInstance) return moment.toISODate();
  return moment.toISO({ suppressMilliseconds: true });
}

function isoDuration(duration) {
  if (!duration.isValid) return null;
  // Years and months have no fixed length: only the fixed units are made tidy.
  if (duration.years || duration.quarters || duration.months) return duration.toISO();
  return duration.shiftTo("days", "hours", "minutes", "seconds").toISO();
}

function one([unary, expression, index, value], contexts) {
  let context = contexts[index];
  // feelin's own today() is local midnight, which equals no date(): here it is a date.
  if (expression.includes("today")) context = { ...context, today };
  try {
    if (unary) {
      const { value: hit, warnings } = unaryTest(expression, { ...context, "?": value });
      return answer(hit === true, warnings);
    }
    const { value: result, warnings } = evaluate(expression, context);
    return answer(plain(result), warnings);
  } catch (error) {
    return { error: error.position ? "syntax" : "failed", message: String(error.message || error), at: error.position?.from ?? 0 };
  }
}

const answer = (value, warnings) =>
  warnings.length ? [value, warnings.slice(0, 20).map((warning) => [warning.type, warning.message])] : [value];

function today() {
  const now = DateTime.now();
  return DateTime.utc(now.year, now.month, now.day);
}

globalThis.yz_run = (text) => {
  const { moment, contexts, items } = JSON.parse(text);
  Settings.now = () => moment;
  const result = JSON.stringify(items.map((item) => one(item, contexts)));
  return result.length > MAX_ANSWER ? JSON.stringify({ error: "too large" }) : result;
};

// ---- reading: which names does an expression use, and where

/** [kind, name, from]: kind is variable | loose (inside a filter: may be a field of the item) | call | error. */
globalThis.yz_read = (text) => JSON.stringify(JSON.parse(text).map(([unary, expression]) => read(unary, expression)));

function read(unary, expression) {
  const found = [];
  const tree = unary ? parseUnaryTests(expression, {}) : parseExpression(expression, {});
  let broken = false;
  tree.iterate({
    enter(node) {
      if (node.type.isError && !broken) {
        broken = true;
        found.push(["error", expression.slice(node.from, node.to), node.from]);
      }
    },
  });
  if (!broken) walk(tree.topNode, { bound: new Set(), loose: false }, expression, found);
  return found;
}

const textOf = (node, expression) => expression.slice(node.from, node.to).replace(/\s+/g, " ");

function children(node) {
  const list = [];
  for (let child = node.firstChild; child; child = child.nextSibling) list.push(child);
  return list;
}

const with_ = (scope, ...names) => ({ ...scope, bound: new Set([...scope.bound, ...names]) });

function walk(node, scope, expression, found) {
  const special = READERS[node.name];
  if (special) return special(node, scope, expression, found);
  for (const child of children(node)) walk(child, scope, expression, found);
}

function inScope(node, scope, expression, found) {
  // for / some / every: each iterator sees the ones before it
  let inner = scope;
  for (const part of children(node)) {
    if (part.name === "InExpressions") {
      for (const iterator of children(part).filter((child) => child.name === "InExpression")) {
        const [name, ...rest] = children(iterator);
        for (const child of rest) walk(child, inner, expression, found);
        inner = with_(inner, textOf(name, expression));
      }
    } else walk(part, inner, expression, found);
  }
}

const READERS = {
  VariableName(node, scope, expression, found) {
    const name = textOf(node, expression).replace(/`/g, "");
    if (!scope.bound.has(name)) found.push([scope.loose ? "loose" : "variable", name, node.from]);
  },
  FunctionInvocation(node, scope, expression, found) {
    const [target, ...rest] = children(node);
    if (target.name === "VariableName") {
      const name = textOf(target, expression);
      if (!scope.bound.has(name) && !BUILTINS.has(name)) found.push(["call", name, target.from]);
    } else if (target.name !== "SpecialFunctionName") walk(target, scope, expression, found);
    for (const child of rest) walk(child, scope, expression, found);
  },
  PathExpression(node, scope, expression, found) {
    walk(node.firstChild, scope, expression, found); // what follows the dot is a key
  },
  FilterExpression(node, scope, expression, found) {
    const [target, ...rest] = children(node);
    walk(target, scope, expression, found);
    for (const child of rest) walk(child, { ...with_(scope, "item"), loose: true }, expression, found);
  },
  ForExpression: (node, scope, expression, found) => inScope(node, with_(scope, "partial"), expression, found),
  QuantifiedExpression: inScope,
  Context(node, scope, expression, found) {
    let inner = scope;
    for (const entry of children(node).filter((child) => child.name === "ContextEntry")) {
      const [key, ...rest] = children(entry);
      for (const child of rest) walk(child, inner, expression, found);
      inner = with_(inner, textOf(key, expression).replace(/^"|"$/g, ""));
    }
  },
  FunctionDefinition(node, scope, expression, found) {
    const parts = children(node);
    const parameters = parts.find((part) => part.name === "FormalParameters");
    const names = parameters ? children(parameters).map((p) => textOf(p.firstChild ?? p, expression)) : [];
    for (const part of parts) if (part.name === "FunctionBody") walk(part, with_(scope, ...names), expression, found);
  },
  NamedParameter(node, scope, expression, found) {
    for (const child of children(node).slice(1)) walk(child, scope, expression, found);
  },
  // What this evaluator takes and then answers wrongly: `instance of`, 6e4 (is 6), == (an = before a test).
  InstanceOfExpression: (node, _scope, _expression, found) => found.push(["error", "instance of", node.from]),
  NumericLiteral(node, _scope, expression, found) {
    const text = textOf(node, expression);
    if (/e/i.test(text)) found.push(["error", text, node.from]);
  },
  CompareOp(node, _scope, expression, found) {
    if (expression.startsWith("==", node.from)) found.push(["error", "==", node.from]);
  },
};

// ---- decision tables: inputs, cells and outputs of one decision by one crossing

globalThis.yz_decide = (text) => {
  const { moment, data, inputs, rules, first } = JSON.parse(text);
  Settings.now = () => moment;
  const context = { ...data, today };
  const warnings = [];
  const told = (result) => {
    warnings.push(...result.warnings.map((warning) => [warning.type, warning.message]));
    return result.value;
  };
  try {
    const values = inputs.map((expression) => told(evaluate(expression, context)));
    const hits = [];
    for (const [index, [cells, outputs]] of rules.entries()) {
      const fits = cells.every((cell, i) => cell === "-" || told(unaryTest(cell, { ...context, "?": values[i] })) === true);
      if (!fits) continue;
      hits.push([index, outputs.map((expression) => plain(told(evaluate(expression, context))))]);
      if (first) break;
    }
    const result = JSON.stringify({ hits, warnings: warnings.slice(0, 20) });
    return result.length > MAX_ANSWER ? JSON.stringify({ error: "too large" }) : result;
  } catch (error) {
    return JSON.stringify({ error: error.position ? "syntax" : "failed", message: String(error.message || error), at: error.position?.from ?? 0 });
  }
};
