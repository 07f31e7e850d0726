"""The Java-style accessors that older definitions use on `$`: `$.list.size()`, `$.map.get('k')`.

Conductor's scripts see Java maps and lists; here they see real JavaScript objects and arrays, and
these methods beside them, in scripts that name one. A key of the same name wins over the method.
"""

import re

_NAMES = (
    "size",
    "get",
    "getOrDefault",
    "containsKey",
    "containsValue",
    "contains",
    "isEmpty",
    "keySet",
    "values",
    "entrySet",
)
_USED = re.compile(rf"\.\s*(?:{'|'.join(_NAMES)})\s*\(")

METHODS = r"""
(function () {
  'use strict';
  const hidden = (target, methods) => {
    for (const name of Object.keys(methods)) {
      Object.defineProperty(target, name, {
        __proto__: null,
        value: methods[name], enumerable: false, configurable: true, writable: true,
      });
    }
  };
  const has = (map, key) => Object.prototype.hasOwnProperty.call(map, key);
  const own = (map, key, otherwise) => has(map, key) ? map[key] : otherwise;
  hidden(Object.prototype, {
    size() { return Object.keys(this).length; },
    isEmpty() { return Object.keys(this).length === 0; },
    get(key) { return own(this, key, null); },
    getOrDefault(key, otherwise) { return own(this, key, otherwise); },
    containsKey(key) { return has(this, key); },
    containsValue(value) { return Object.values(this).includes(value); },
    keySet() { return Object.keys(this); },
    values() { return Object.values(this); },
    entrySet() {
      return Object.keys(this).map((key) => {
        const value = this[key];
        return {key, value, getKey: () => key, getValue: () => value};
      });
    },
  });
  hidden(Array.prototype, {
    size() { return this.length; },
    isEmpty() { return this.length === 0; },
    get(index) { return index in this ? this[index] : null; },
    contains(value) { return this.includes(value); },
  });
})();
"""


def wanted_by(code: str) -> bool:
    """Whether a script calls any method of such a name."""
    return _USED.search(code) is not None
