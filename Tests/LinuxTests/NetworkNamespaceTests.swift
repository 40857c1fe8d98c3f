// Namespaces, anonymous and named: made, entered on a thread of their own, gone again.

import Glibc
import Linux
import Testing

@Suite(needsRoot) struct NetworkNamespaceTests {
    /// `net:[4026531840]`.
    private static func own() -> String {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = readlink("/proc/thread-self/ns/net", &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    @Test("a closure runs inside the namespace and the caller's thread stays outside")
    func run() throws {
        let namespace = try NetworkNamespace.anonymous()
        let outside = Self.own()
        let inside = try namespace.run { Self.own() }
        #expect(inside != outside)
        #expect(Self.own() == outside)
        #expect(try namespace.run { Self.own() } == inside)
    }

    @Test("an awaited closure runs inside the namespace")
    func perform() async throws {
        let namespace = try NetworkNamespace.anonymous()
        let inside = try await namespace.perform { Self.own() }
        #expect(inside == (try namespace.run { Self.own() }))
        #expect(inside != Self.own())
    }

    @Test("many namespaces can be entered at once")
    func parallel() async throws {
        let namespaces = try (0..<16).map { _ in try NetworkNamespace.anonymous() }
        let names = try await withThrowingTaskGroup(of: String.self) { group in
            for namespace in namespaces {
                group.addTask { try await namespace.perform { Self.own() } }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(names.count == 16)
    }

    @Test("an error thrown inside reaches the caller")
    func errors() async throws {
        struct Refusal: Error, Equatable {}
        let namespace = try NetworkNamespace.anonymous()
        #expect(throws: Refusal()) { try namespace.run { throw Refusal() } }
        await #expect(throws: Refusal()) { try await namespace.perform { throw Refusal() } }
    }

    @Test("a cookie is the namespace's own and stays")
    func cookie() throws {
        let one = try NetworkNamespace.anonymous()
        let two = try NetworkNamespace.anonymous()
        #expect(try one.cookie() == one.cookie())
        #expect(try one.cookie() != two.cookie())
        #expect(try one.cookie() != NetworkNamespace.current().cookie())
    }

    @Test("a named namespace is found by name until it is deleted")
    func named() throws {
        let name = uniqueName("nl")
        let made = try NetworkNamespace.create(named: name)
        do {
            defer { try? NetworkNamespace.delete(named: name) }
            #expect(try NetworkNamespace.names().contains(name))
            #expect(try NetworkNamespace.open(named: name).cookie() == made.cookie())
            let error = #expect(throws: KernelError.self) {
                _ = try NetworkNamespace.create(named: name)
            }
            #expect(error?.errno == .exists)
        }
        #expect(try !NetworkNamespace.names().contains(name))
        let error = #expect(throws: KernelError.self) {
            _ = try NetworkNamespace.open(named: name)
        }
        #expect(error?.errno == .noEntry)
        // The value still holds it.
        #expect(try made.run { Self.own() } != Self.own())
    }

    @Test("a setting written in one namespace is not seen in another")
    func sysctl() throws {
        let one = try NetworkNamespace.anonymous()
        let two = try NetworkNamespace.anonymous()
        try Sysctl.write("net.ipv4.ip_default_ttl", "77", in: one)
        #expect(try Sysctl.read("net/ipv4/ip_default_ttl", in: one) == "77")
        #expect(try Sysctl.read("net/ipv4/ip_default_ttl", in: two) == "64")
        let error = #expect(throws: KernelError.self) {
            _ = try Sysctl.read("net.ipv4.no_such_setting", in: one)
        }
        #expect(error?.errno == .noEntry)
    }
}
