// Fills a message's places: `{name}` takes a value, `{n|thing|things}` takes the form that fits the number n.
type Name<P extends string> = P extends `${infer N}|${string}` ? N : P;
/** The places of a message, read from its text by the compiler. */
export type Places<S extends string> = S extends `${string}{${infer P}}${infer Rest}` ? Name<P> | Places<Rest> : never;
export type Values = Readonly<Record<string, string | number>>;

const place = /\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g;

export function format(message: string, values: Values, number: (n: number) => string): string {
  return message.replace(place, (_, name: string, one?: string, other?: string) => {
    const value = values[name];
    if (one !== undefined && other !== undefined) return value === 1 ? one : other;
    return typeof value === 'number' ? number(value) : (value ?? '');
  });
}

/** Every place a message names, for the test that both languages name the same. */
export function placesOf(message: string): string[] {
  return [...new Set([...message.matchAll(place)].map((match) => match[1] ?? ''))].sort();
}
