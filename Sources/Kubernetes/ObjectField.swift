// A value together with where it stands, so that every complaint names its field:
// `spec.ports[0].port: 70000 is no port number`. Absent and null are the same, as in the API.

import Model

/// Why an object is refused.
struct MalformedObject: Error, Hashable, Sendable {
    var path: String
    var problem: String

    var reason: String { path.isEmpty ? problem : "\(path): \(problem)" }
}

/// A field of an object, present or not.
struct ObjectField {
    let value: ManifestValue
    let path: String

    init(_ value: ManifestValue, path: String = "") {
        self.value = value
        self.path = path
    }

    /// A member; null where this field itself is absent.
    func member(_ name: String) throws(MalformedObject) -> ObjectField {
        let path = path.isEmpty ? name : "\(path).\(name)"
        switch value {
        case .map(let members): return ObjectField(members[name] ?? .null, path: path)
        case .null: return ObjectField(.null, path: path)
        default: throw wrong("an object")
        }
    }

    /// The elements; none where the field is absent.
    func elements() throws(MalformedObject) -> [ObjectField] {
        switch value {
        case .list(let elements):
            return elements.enumerated().map { ObjectField($1, path: "\(path)[\($0)]") }
        case .null: return []
        default: throw wrong("a list")
        }
    }

    func string() throws(MalformedObject) -> String? {
        switch value {
        case .string(let text): return text
        case .null: return nil
        default: throw wrong("a string")
        }
    }

    func required() throws(MalformedObject) -> String {
        guard let text = try string(), !text.isEmpty else { throw malformed("is missing") }
        return text
    }

    func bool() throws(MalformedObject) -> Bool? {
        switch value {
        case .bool(let bool): return bool
        case .null: return nil
        default: throw wrong("a boolean")
        }
    }

    /// A port number; nil for an absent one and for 0.
    func port() throws(MalformedObject) -> UInt16? {
        guard let number = try number() else { return nil }
        guard let port = UInt16(number) else { throw malformed("\(number) is no port number") }
        return port == 0 ? nil : port
    }

    func seconds() throws(MalformedObject) -> UInt32? {
        guard let number = try number() else { return nil }
        guard let seconds = UInt32(number) else {
            throw malformed("\(number) is no number of seconds")
        }
        return seconds
    }

    func address() throws(MalformedObject) -> IPAddress {
        let text = try required()
        guard let address = IPAddress(text) else { throw malformed("\"\(text)\" is no IP address") }
        return address
    }

    func cidr() throws(MalformedObject) -> CIDR {
        let text = try required()
        guard text.contains("/"), let cidr = CIDR(text) else {
            throw malformed("\"\(text)\" is no CIDR")
        }
        return cidr
    }

    /// TCP where absent.
    func transport() throws(MalformedObject) -> L4Protocol {
        guard let text = try string(), !text.isEmpty else { return .tcp }
        guard let known = L4Protocol(text) else {
            throw malformed("\"\(text)\" is none of TCP, UDP, SCTP")
        }
        return known
    }

    /// `default` where absent or empty.
    func choice<Choice>(
        _ choices: [String: Choice], default absent: Choice
    ) throws(MalformedObject) -> Choice {
        guard let text = try string(), !text.isEmpty else { return absent }
        guard let choice = choices[text] else {
            throw malformed(
                "\"\(text)\" is none of \(choices.keys.sorted().joined(separator: ", "))")
        }
        return choice
    }

    func malformed(_ problem: String) -> MalformedObject {
        MalformedObject(path: path, problem: problem)
    }

    private func number() throws(MalformedObject) -> String? {
        switch value {
        case .number(let text): return text
        case .null: return nil
        default: throw wrong("a number")
        }
    }

    private func wrong(_ expected: String) -> MalformedObject {
        malformed("is \(value.typeName), not \(expected)")
    }
}
