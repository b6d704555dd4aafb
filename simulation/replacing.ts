/** The same object but for some of its methods; the others keep their own `this`. */
export function replacing<T extends object>(target: T, replaced: Partial<T>): T {
  return new Proxy(target, {
    get: (object, name) => {
      const found: unknown = Reflect.get(replaced, name) ?? Reflect.get(object, name, object)
      return typeof found === 'function' && !(name in replaced) ? found.bind(object) : found
    },
  })
}
