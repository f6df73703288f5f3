package import VarveFormat

/// The grammar as a JSON Schema (draft 2020-12) for editors. It accepts and refuses what `GrammarCheck` does; where a
/// value has a form, it also takes a text with `${`, since nobody knows what the environment will have.
package enum GrammarSchema {
  package static func schema(of root: GrammarObject) -> JSONValue {
    var definitions: [String: JSONValue] = [
      "variable": .object(["type": .string("string"), "pattern": .string("\\$\\{")])
    ]
    var schema = object(root, &definitions)
    schema["$schema"] = .string("https://json-schema.org/draft/2020-12/schema")
    schema["title"] = .string("Varve's configuration")
    schema["$defs"] = .object(definitions)
    return .object(schema)
  }

  private static func object(
    _ object: GrammarObject, _ definitions: inout [String: JSONValue]
  ) -> [String: JSONValue] {
    var properties: [String: JSONValue] = [:]
    for field in object.fields {
      var value = schema(of: field.value, &definitions)
      let standard = field.standard.map { " (default: \($0))" } ?? ""
      value["description"] = .string(field.summary + standard)
      properties[field.key] = .object(value)
    }
    var schema: [String: JSONValue] = [
      "type": .string("object"), "properties": .object(properties),
      "additionalProperties": .bool(false),
    ]
    if object.hasExtensions {
      schema["patternProperties"] = .object(["^x-": .bool(true)])
    }
    let required = object.fields.filter(\.isRequired).map(\.key)
    if !required.isEmpty { schema["required"] = texts(required) }
    if !object.needs.isEmpty {
      schema["dependentRequired"] = .object(object.needs.mapValues { texts([$0]) })
    }
    func having(_ keys: [String]) -> JSONValue { .object(["required": texts(keys)]) }
    var all: [JSONValue] = object.exactlyOne.filter { !$0.isEmpty }.map { group in
      .object(["oneOf": .array(group.map { having([$0]) })])
    }
    all += object.atLeastOne.map { .object(["anyOf": .array($0.map { having([$0]) })]) }
    for group in object.atMostOne {
      let pairs = group.indices.flatMap { first in
        group.indices.filter { $0 > first }.map { having([group[first], group[$0]]) }
      }
      all.append(.object(["not": .object(["anyOf": .array(pairs)])]))
    }
    if !all.isEmpty { schema["allOf"] = .array(all) }
    return schema
  }

  private static func schema(
    of grammar: Grammar, _ definitions: inout [String: JSONValue]
  ) -> [String: JSONValue] {
    switch grammar {
    case .text(let form):
      var schema: [String: JSONValue] = ["type": .string("string")]
      if !form.pattern.isEmpty { schema["pattern"] = .string("\\$\\{|" + form.pattern) }
      return schema
    case .anyScalar: return ["type": texts(["string", "number", "boolean"])]
    case .integer(let range):
      return orVariable([
        "type": .string("integer"), "minimum": .integer(range.lowerBound),
        "maximum": .integer(range.upperBound),
      ])
    case .number(let range):
      return orVariable([
        "type": .string("number"), "minimum": .integer(Int64(range.lowerBound)),
        "maximum": .integer(Int64(range.upperBound)),
      ])
    case .boolean: return orVariable(["type": .string("boolean")])
    case .only(let value): return ["const": .bool(value)]
    case .list(let element, let atLeast):
      var result: [String: JSONValue] = [
        "type": .string("array"), "items": .object(schema(of: element, &definitions)),
      ]
      if atLeast > 0 { result["minItems"] = .integer(Int64(atLeast)) }
      return result
    case .map(let value, let keys):
      return [
        "type": .string("object"),
        "propertyNames": .object(["pattern": .string(keys.pattern)]),
        "additionalProperties": .object(schema(of: value, &definitions)),
      ]
    case .object(let object):
      if definitions[object.name] == nil {
        definitions[object.name] = .null
        definitions[object.name] = .object(self.object(object, &definitions))
      }
      return ["$ref": .string("#/$defs/\(object.name)")]
    case .either(let grammars):
      return ["anyOf": .array(grammars.map { .object(schema(of: $0, &definitions)) })]
    }
  }

  private static func orVariable(_ schema: [String: JSONValue]) -> [String: JSONValue] {
    ["anyOf": .array([.object(schema), .object(["$ref": .string("#/$defs/variable")])])]
  }

  private static func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
}
