// Regular expressions whose time grows only with pattern times text. Pure: no page, no language.
//
// The browser's own engine goes back and tries again, which can take years on a name made for it,
// and nothing can stop it. This one keeps the set of all places in the pattern that the text read
// so far can have led to (Thompson 1968), so it reads every character once, and it remembers where
// a set leads. The browser's engine checks the syntax, and decides about single characters.
//
// It has no back-references and no looking around: they cannot be matched in this way.

/** Limit of places in a pattern. A counted repetition has the places of all its copies. */
export const MAX_PLACES = 200;
/** Hits are looked for in so many characters of a text. */
const MAX_MARKED = 400;
const COUNT = /\{(\d+)(?:(,)(\d*))?\}/y;
const ESCAPE = /\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|c[a-z]|[^])/iy;
const CLASS = /\[(?:\\[^]|[^\\\]])*\]/y;
/** What is beside a place in the text: its start or end, a letter or digit, something else. */
const [EDGE, WORD, OTHER] = [0, 1, 2];
const END = -1;
const MAX_REMEMBERED = 20_000;

/** Why a pattern that the browser knows has no matcher here. */
export class Unsupported extends Error {}

/**
 * Return the matcher of a pattern; case does not count.
 *
 * `test(text)` says whether the pattern occurs, `find(text)` returns the start and end of every
 * longest hit that is not empty. Throws `SyntaxError`, or `Unsupported` for what is not matched
 * here, and for a pattern of more than `limit` places.
 */
export function compile(source, limit = MAX_PLACES) {
  new RegExp(source, "i");
  return new Matcher(new Parser(source).read(), limit);
}

class Matcher {
  constructor(tree, limit) {
    this.limit = limit;
    this.places = 0;
    /** By place: the character that leads on, a condition, or where to go without a character. */
    this.steps = [{ accept: true }];
    const start = this.build(tree, 0);
    this.seen = new Uint32Array(this.steps.length);
    this.round = 0;
    this.forget();
    this.fresh = [start];
  }

  test(text) {
    return this.run(text, 0, true) >= 0;
  }

  find(text) {
    const marked = text.slice(0, MAX_MARKED);
    const found = [];
    for (let at = 0; at < marked.length; ) {
      const end = this.run(marked, at, false);
      if (end > at) found.push([at, end]);
      at = Math.max(end, at + 1);
    }
    return found;
  }

  /** Return where a hit ends, -1 without one: the first that is found anywhere, or the longest at `from`. */
  run(text, from, anywhere) {
    let set = this.setOf(this.fresh);
    let before = from ? kindOf(text.charCodeAt(from - 1)) : EDGE;
    let end = -1;
    for (let at = from; set; at += 1) {
      const code = at < text.length ? text.charCodeAt(at) : END;
      const move = this.move(set, before, code, anywhere);
      if (move.accepted) end = at;
      if (code === END || (anywhere && end >= 0)) return end;
      ({ set, kind: before } = move);
    }
    return end;
  }

  /** Return where a set of places leads with a character, and whether the pattern ends before it. */
  move(set, before, code, anywhere) {
    const key = ((code + 1) * 3 + before) * 2 + Number(anywhere);
    let move = set.moves.get(key);
    if (!move) {
      if (this.remembered >= MAX_REMEMBERED) this.forget();
      this.remembered += 1;
      const { reached, accepted } = this.follow(set.places, before, code);
      if (anywhere) reached.push(...this.fresh);
      move = { accepted, kind: kindOf(code), set: reached.length && code !== END ? this.setOf(reached) : null };
      set.moves.set(key, move);
    }
    return move;
  }

  /** Return the places behind a character, from all that can be reached without one. */
  follow(places, before, code) {
    const after = kindOf(code);
    const open = [...places];
    const reached = [];
    let accepted = false;
    this.round += 1;
    while (open.length) {
      const place = open.pop();
      if (this.seen[place] === this.round) continue;
      this.seen[place] = this.round;
      const step = this.steps[place];
      if (step.accept) accepted = true;
      else if (!step.accepts) {
        if (!step.holds || step.holds(before, after)) open.push(...step.to);
      } else if (code !== END && step.accepts(code)) reached.push(step.next);
    }
    return { reached, accepted };
  }

  /** Return the one object for a set of places. */
  setOf(places) {
    const bits = new Uint16Array((this.steps.length >> 4) + 1);
    for (const place of places) bits[place >> 4] |= 1 << (place & 15);
    const key = String.fromCharCode(...bits);
    let set = this.sets.get(key);
    if (!set) {
      set = { places: [...new Set(places)], moves: new Map() };
      this.sets.set(key, set);
    }
    return set;
  }

  forget() {
    this.sets = new Map();
    this.remembered = 0;
  }

  /** Add the places of a part in front of a place, and return the first of them. */
  build(part, next) {
    this.places += 1;
    if (this.places > this.limit) throw new Unsupported("The pattern is too large.");
    switch (part.kind) {
      case "character":
        return this.add({ accepts: part.accepts, next });
      case "condition":
        return this.add({ holds: part.holds, to: [next] });
      case "sequence":
        return part.parts.reduceRight((after, each) => this.build(each, after), next);
      case "choice":
        return this.add({ to: part.parts.map((each) => this.build(each, next)) });
      default:
        return this.buildRepetition(part, next);
    }
  }

  buildRepetition({ part, least, most }, next) {
    let first = next;
    if (most === Infinity) {
      const loop = this.add({ to: [next] });
      this.steps[loop].to.push(this.build(part, loop));
      first = loop;
    } else {
      for (let copy = least; copy < most; copy += 1) first = this.add({ to: [this.build(part, first), next] });
    }
    for (let copy = 0; copy < least; copy += 1) first = this.build(part, first);
    return first;
  }

  add(step) {
    return this.steps.push(step) - 1;
  }
}

/** Reads a pattern that is known to be a correct one. */
class Parser {
  constructor(source) {
    this.source = source;
    this.at = 0;
  }

  read() {
    const choices = [this.readSequence()];
    while (this.take("|")) choices.push(this.readSequence());
    return choices.length > 1 ? { kind: "choice", parts: choices } : choices[0];
  }

  readSequence() {
    const parts = [];
    while (this.at < this.source.length && !"|)".includes(this.source[this.at])) {
      parts.push(this.readRepetition(this.readPart()));
    }
    return { kind: "sequence", parts };
  }

  readPart() {
    if (this.take("(")) return this.readGroup();
    if (this.take("^")) return condition((before) => before === EDGE);
    if (this.take("$")) return condition((_, after) => after === EDGE);
    if (this.take("\\b")) return condition(isWordEdge);
    if (this.take("\\B")) return condition((before, after) => !isWordEdge(before, after));
    const escaped = this.match(ESCAPE);
    if (escaped && /\\[1-9k]/.test(escaped[0])) throw new Unsupported("Back-references are not matched.");
    const source = (escaped ?? this.match(CLASS))?.[0] ?? this.source[this.at++];
    return { kind: "character", accepts: characterTest(source) };
  }

  readGroup() {
    if (!this.take("?:") && this.source[this.at] === "?") throw new Unsupported("Looking around is not matched.");
    const inside = this.read();
    this.take(")");
    return inside;
  }

  readRepetition(part) {
    const limits = this.readLimits();
    if (!limits) return part;
    // Which of several hits it prefers does not matter here.
    this.take("?");
    return { kind: "repetition", part, least: limits[0], most: limits[1] };
  }

  readLimits() {
    if (this.take("*")) return [0, Infinity];
    if (this.take("+")) return [1, Infinity];
    if (this.take("?")) return [0, 1];
    const [, least, comma, most] = this.match(COUNT) ?? [];
    if (least === undefined) return null;
    return [Number(least), most ? Number(most) : comma ? Infinity : Number(least)];
  }

  take(text) {
    const taken = this.source.startsWith(text, this.at);
    if (taken) this.at += text.length;
    return taken;
  }

  match(expression) {
    expression.lastIndex = this.at;
    const found = expression.exec(this.source);
    if (found) this.at += found[0].length;
    return found;
  }
}

function condition(holds) {
  return { kind: "condition", holds };
}

function isWordEdge(before, after) {
  return (before === WORD) !== (after === WORD);
}

function kindOf(code) {
  if (code === END) return EDGE;
  return /\w/.test(String.fromCharCode(code)) ? WORD : OTHER;
}

/** Return a test of character codes for what stands for one character: `a`, `.`, `\d`, `[a-z]`. */
function characterTest(source) {
  const literal = /^[{}\]]$/.test(source) ? `\\${source}` : source;
  const expression = new RegExp(`^${literal}$`, "i");
  const known = new Map();
  return (code) => {
    let accepted = known.get(code);
    if (accepted === undefined) {
      accepted = expression.test(String.fromCharCode(code));
      known.set(code, accepted);
    }
    return accepted;
  };
}
