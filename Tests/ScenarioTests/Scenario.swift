// A scenario as text: a sentence, then blocks that begin with `=== WORD`. Inputs gather until an
// expectation; what stands between two expectations happens at once.
//
//   === write FILE     the block is the file's new content      === remove FILE
//   === host ADDRESS   the host gets an address                 === unhost ADDRESS
//   === resolved       the resolved tables, line by line        === image    what the maps hold
//   === refused        manifests that don't count               === conflicts  nor do these claims

import Model

/// One step: inputs that happen at once, and what must hold afterwards.
struct Step {
    var inputs: [Input] = []
    var expected: [Table: [String]] = [:]
}

enum Input {
    case write(String, content: String)
    case remove(String)
    case host(IPAddress, isPresent: Bool)
}

/// What a scenario can look at.
enum Table: String, CaseIterable {
    case resolved
    case image
    case refused
    case conflicts
}

struct Scenario {
    var title: String
    var steps: [Step]

    struct Malformed: Error {
        var line: String
    }

    /// The node that every scenario plays on.
    static let node = "node-a"

    init(_ text: String) throws {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        title = lines.first.map(String.init) ?? ""
        steps = []
        var step = Step()
        var block: (head: [Substring], body: [Substring])?
        func close() throws {
            guard let (head, body) = block else { return }
            if let table = Table(rawValue: String(head[0])) {
                step.expected[table] = body.map(String.init).filter { !$0.isEmpty }
                return
            }
            if !step.expected.isEmpty {
                steps.append(step)
                step = Step()
            }
            let argument = head.count > 1 ? String(head[1]) : ""
            switch head[0] {
            case "write":
                step.inputs.append(.write(argument, content: body.joined(separator: "\n")))
            case "remove": step.inputs.append(.remove(argument))
            case "host", "unhost":
                guard let address = IPAddress(argument) else { throw Malformed(line: argument) }
                step.inputs.append(.host(address, isPresent: head[0] == "host"))
            default: throw Malformed(line: head.joined(separator: " "))
            }
        }
        for line in lines.dropFirst() {
            if line.hasPrefix("=== ") {
                try close()
                block = (line.dropFirst(4).split(separator: " "), [])
            } else {
                block?.body.append(line)
            }
        }
        try close()
        steps.append(step)
    }
}
