// What is masked after a list of decisions: the same rules as redact/corrections.py.

export interface Edit {
  start_ms: number;
  end_ms: number;
  entity_type: string | null;
  was?: string | null; // type of the mask that is taken away
}

export interface Mask {
  start_ms: number;
  end_ms: number;
  types: string[];
  isEdited: boolean;
}

export interface Interval {
  start_ms: number;
  end_ms: number;
  entity_types: string[];
}

// A colour for each family of types, which people tell apart whatever they see (Okabe and Ito, 2008); the type's name is
// written on each mask all the same.
const FAMILIES: [RegExp, string][] = [
  [/^(CREDIT_CARD|IBAN|BANK|CREDENTIAL|SECRET)/, "213, 94, 0"],
  [/^(PERSON|USERNAME|NRP|AGE|DATE_OF_BIRTH)/, "0, 158, 115"],
  [/^(PHONE|EMAIL|URL|IP_)/, "0, 114, 178"],
  [/^(STREET|POSTAL|LOCATION)/, "86, 180, 233"],
  [/^(MEDICAL|SPECIAL)/, "204, 121, 167"],
  [/^(DOUBT|KEYPAD)/, "120, 120, 120"],
];

export function colour(mask: Mask, isChosen: boolean): string {
  const type = mask.types.find((each) => each !== "DOUBT") ?? "DOUBT";
  const family = FAMILIES.find(([types]) => types.test(type))?.[1] ?? "230, 159, 0";
  return `rgba(${family}, ${isChosen ? 0.6 : 0.3})`;
}

// Why something is masked: a score, and reasons of fixed lists.
export interface Finding {
  start_ms: number | null;
  end_ms: number | null;
  entity_type: string;
  score: number;
  recognizer: string;
  evidence: string[];
}

// Below this the engine was not sure; what has no finding was in doubt, or is said again.
const SURE = 0.7;

export function reasons(mask: Mask, findings: Finding[]): Finding[] {
  return findings
    .filter((f) => mask.types.includes(f.entity_type) && f.start_ms !== null && f.end_ms !== null)
    .filter((f) => (f.start_ms ?? 0) < mask.end_ms && (f.end_ms ?? 0) > mask.start_ms)
    .sort((a, b) => b.score - a.score);
}

export function isDoubtful(mask: Mask, findings: Finding[]): boolean {
  if (mask.isEdited || mask.types.every((type) => type === "KEYPAD_TONES")) return false;
  if (mask.types.includes("DOUBT")) return true;
  return (reasons(mask, findings)[0]?.score ?? 0) < SURE;
}

export function masks(planned: Interval[], edits: Edit[]): Mask[] {
  let result: Mask[] = merged(planned);
  for (const edit of edits) {
    result = result.flatMap((mask) => cut(mask, edit));
    if (edit.entity_type !== null) {
      result.push({ start_ms: edit.start_ms, end_ms: edit.end_ms, types: [edit.entity_type], isEdited: true });
    }
  }
  return joined(result.sort((a, b) => a.start_ms - b.start_ms || a.end_ms - b.end_ms));
}

// Masks of one type that touch are one.
function joined(parts: Mask[]): Mask[] {
  const result: Mask[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (last && last.end_ms === part.start_ms && last.types.join() === part.types.join()) {
      result[result.length - 1] = { ...last, end_ms: part.end_ms, isEdited: true };
    } else {
      result.push(part);
    }
  }
  return result;
}

// One mask for each stretch, whichever channels it is on.
function merged(planned: Interval[]): Mask[] {
  const result: Mask[] = [];
  for (const interval of [...planned].sort((a, b) => a.start_ms - b.start_ms)) {
    const last = result.at(-1);
    if (last && interval.start_ms < last.end_ms) {
      last.end_ms = Math.max(last.end_ms, interval.end_ms);
      last.types = [...new Set([...last.types, ...interval.entity_types])].sort();
    } else {
      const { start_ms, end_ms, entity_types } = interval;
      result.push({ start_ms, end_ms, types: [...entity_types], isEdited: false });
    }
  }
  return result;
}

function cut(mask: Mask, edit: Edit): Mask[] {
  if (edit.end_ms <= mask.start_ms || edit.start_ms >= mask.end_ms) return [mask];
  return [
    { ...mask, end_ms: Math.min(mask.end_ms, edit.start_ms), isEdited: true },
    { ...mask, start_ms: Math.max(mask.start_ms, edit.end_ms), isEdited: true },
  ].filter((part) => part.start_ms < part.end_ms);
}

// The edits that move a mask's edges: what is given up is not personal, what is new is masked.
export function moved(mask: Mask, start_ms: number, end_ms: number): Edit[] {
  const type = mask.types[0] ?? "CUSTOM";
  const edits: Edit[] = [];
  if (start_ms > mask.start_ms) edits.push({ start_ms: mask.start_ms, end_ms: start_ms, entity_type: null });
  if (end_ms < mask.end_ms) edits.push({ start_ms: end_ms, end_ms: mask.end_ms, entity_type: null });
  if (start_ms < mask.start_ms) edits.push({ start_ms, end_ms: mask.start_ms, entity_type: type });
  if (end_ms > mask.end_ms) edits.push({ start_ms: mask.end_ms, end_ms, entity_type: type });
  return edits;
}
