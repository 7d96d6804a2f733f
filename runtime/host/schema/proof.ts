// Schemas and the types of kernel and services are written twice: once to check bytes from outside, once where the meaning is.
// This proves at compile time that the two say the same, to the last optional member.

/** A type with `readonly` ignored and "optional" made visible, so that mutual assignability means equality. */
type Shape<T> = T extends Uint8Array
  ? "bytes"
  : T extends readonly (infer Item)[]
    ? { readonly items: Shape<Item> }
    : T extends object
      ? {
          readonly [Key in keyof T]-?: {
            readonly optional: { readonly [_ in Key]?: unknown } extends Pick<T, Key> ? true : false;
            readonly value: Shape<T[Key]>;
          };
        }
      : T;

/** `true` when the two types are the same but for `readonly`. */
export type Same<A, B> = [Shape<A>] extends [Shape<B>] ? ([Shape<B>] extends [Shape<A>] ? true : false) : false;

/** Does not compile unless its argument is `true`. */
export type Proven<T extends true> = T;
