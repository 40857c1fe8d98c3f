// YAML → trees, one for each document. Plain scalars are read by YAML 1.2's core schema: `on` and
// `yes` are strings, and `1:20` is no number of minutes, as kubectl has it too.

import Yams

/// The documents of a YAML text.
enum YAMLText {
    /// Empty documents are left out.
    /// - Parameter limit: how many values there may be, aliases written out.
    static func parse(
        _ text: String, limit: Int = ManifestLimit.values
    ) throws(UnparsableText) -> [ManifestValue] {
        var documents: [ManifestValue] = []
        var left = limit
        do {
            let parser = try Yams.Parser(yaml: text, encoding: .utf8)
            while let root = try parser.nextRoot() {
                let document = try value(root, depth: 0, &left)
                if document != .null { documents.append(document) }
            }
        } catch let error as UnparsableText {
            throw error
        } catch {
            throw UnparsableText(reason: summary(of: error))
        }
        return documents
    }

    private static func value(
        _ node: Yams.Node, depth: Int, _ left: inout Int
    ) throws(UnparsableText) -> ManifestValue {
        guard depth < ManifestLimit.depth else { throw failure(node, "nested too deeply") }
        left -= 1
        guard left >= 0 else { throw failure(node, "too many values") }
        switch node {
        case .scalar(let scalar): return plain(scalar)
        case .sequence(let sequence):
            var elements: [ManifestValue] = []
            for element in sequence {
                elements.append(try value(element, depth: depth + 1, &left))
            }
            return .list(elements)
        case .mapping(let mapping):
            var members: [String: ManifestValue] = [:]
            for (key, member) in mapping {
                guard case .scalar(let name) = key else {
                    throw failure(key, "a key that is no scalar")
                }
                members[name.string] = try value(member, depth: depth + 1, &left)
            }
            return .map(members)
        case .alias: throw failure(node, "an alias without its anchor")
        }
    }

    private static func plain(_ scalar: Yams.Node.Scalar) -> ManifestValue {
        guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
        switch scalar.string {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case let text: return isNumber(text) ? .number(text) : .string(text)
        }
    }

    /// Decimal integers and floats; an address has more than one point or colons.
    private static func isNumber(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 32 else { return false }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard digits.contains(first) || first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
        else { return false }
        return text.utf8.allSatisfy { digits.contains($0) || "+-.eE".utf8.contains($0) }
            && Double(text) != nil
    }

    private static func failure(_ node: Yams.Node, _ problem: String) -> UnparsableText {
        guard let mark = node.mark else { return UnparsableText(reason: problem) }
        return UnparsableText(reason: "line \(mark.line), column \(mark.column): \(problem)")
    }

    /// One line instead of Yams' excerpt with a pointer below.
    private static func summary(of error: any Error) -> String {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "line \(mark.line), column \(mark.column): \(problem)"
        case .reader(let problem, _, _, _): problem
        case .duplicatedKeysInMapping(let keys, let context):
            "line \(context.mark.line), column \(context.mark.column): "
                + "a second member \"\(keys.first ?? "")\""
        default: String(describing: error).split(separator: "\n").first.map(String.init) ?? "YAML"
        }
    }
}
