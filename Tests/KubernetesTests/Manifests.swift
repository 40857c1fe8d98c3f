// What the tests of this room share: fixtures, indented YAML, and a throw-away directory.

import Glibc
import Linux
import Model

@testable import Kubernetes

func fixture(_ name: String) throws -> [UInt8] {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    return try File.read("/\(folder)/Fixtures/\(name)")
}

/// An index that read this one file.
func index(_ text: String, path: String = "a.yaml") -> (ManifestIndex, [Change]) {
    var index = ManifestIndex()
    let changes = index.update(path, .contents(Array(text.utf8)))
    return (index, changes)
}

func services(_ changes: [Change]) -> [ObjectName: Service] {
    var services: [ObjectName: Service] = [:]
    for case .service(let name, let service?) in changes { services[name] = service }
    return services
}

func slices(_ changes: [Change]) -> [ObjectName: EndpointSlice] {
    var slices: [ObjectName: EndpointSlice] = [:]
    for case .endpointSlice(let name, let slice?) in changes { slices[name] = slice }
    return slices
}

/// `service web`, `-service web`, …: which objects changes are about, sorted.
func summary(_ changes: [Change]) -> [String] {
    changes.map { change in
        switch change {
        case .service(let name, let object): "\(object == nil ? "-" : "")service \(name)"
        case .endpointSlice(let name, let object): "\(object == nil ? "-" : "")slice \(name)"
        case .node(let name, let object): "\(object == nil ? "-" : "")node \(name)"
        case .serviceCIDR(let name, let object): "\(object == nil ? "-" : "")cidr \(name)"
        case .complete(let source): "complete \(source)"
        case .network, .networkState: "network"
        }
    }.sorted()
}

/// A Service manifest of one line.
func serviceText(_ name: String, _ address: String = "10.100.0.1") -> String {
    """
    {apiVersion: v1, kind: Service, metadata: {name: \(name)}, \
    spec: {clusterIP: \(address), ports: [{port: 80}]}}

    """
}

func name(_ name: String, in namespace: String = "default") -> ObjectName {
    ObjectName(namespace: namespace, name: name)
}

/// A directory that goes away with its holder.
final class ScratchDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/needletail-manifests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw KernelError.last("mkdtemp", "/tmp") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { Self.remove(path) }

    func write(_ text: String, to name: String) throws {
        let file = try FileDescriptor(
            opening: "\(path)/\(name)", flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        try file.writeAll(Array(text.utf8), subject: name)
    }

    func makeDirectory(_ name: String) throws { try Directory.create("\(path)/\(name)") }

    func link(_ name: String, to target: String) throws {
        guard symlink(target, "\(path)/\(name)") == 0 else {
            throw KernelError.last("symlink", name)
        }
    }

    func rename(_ old: String, to new: String) throws {
        guard Glibc.rename("\(path)/\(old)", "\(path)/\(new)") == 0 else {
            throw KernelError.last("rename", old)
        }
    }

    func remove(_ name: String) { Self.remove("\(path)/\(name)") }

    private static func remove(_ path: String) {
        if unlink(path) == 0 { return }
        for name in (try? Directory.entries(path)) ?? [] { remove("\(path)/\(name)") }
        rmdir(path)
    }
}
