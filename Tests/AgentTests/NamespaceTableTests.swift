// What the agent learns of network namespaces: names that come, change their namespace and go.

import Glibc
import Linux
import Model
import Testing

@testable import Agent

@Suite("namespace table", .enabled(if: geteuid() == 0, "needs root"))
struct NamespaceTableTests {
    private func sh(_ namespace: NetworkNamespace, _ text: String) throws {
        let result = try Command(["sh", "-ec", text], namespace: namespace).run()
        try #require(result.succeeded, "\(result.errorOutput)")
    }

    @Test(
        "a namespace is told once with its addresses, again when a family joins, and goes with its name"
    )
    func life() async throws {
        let first = "needletail-table-\(UInt64.random(in: 0...UInt64.max))"
        let namespace = try NetworkNamespace.create(named: first)
        defer { try? NetworkNamespace.delete(named: first) }
        let cookie = try namespace.cookie()
        // A directory of our own: other names of the machine are nobody's business here.
        let folder = "/tmp/\(first)"
        try Directory.create(folder)
        defer { rmdir(folder) }
        let name = "\(folder)/pod"
        var table = NamespaceTable(directory: folder)
        #expect(await table.look().hasLost, "what an earlier agent wrote is forgotten")
        #expect(await table.look().hasLost == false)

        try Symlink.create(at: name, to: "\(NetworkNamespace.directory)/\(first)")
        defer { unlink(name) }
        #expect(await table.look().found.isEmpty)
        #expect(table.isSettingUp && table.cookies == [])
        try sh(
            namespace,
            "ip link set lo up; ip link add eth0 type veth peer eth1; ip link set eth0 up;"
                + "ip link set eth1 up; ip addr add 10.0.1.10/32 dev eth0;"
                + "ip route add default dev eth0")
        var found = await table.look().found
        #expect(found.map(\.cookie) == [cookie])
        #expect(found.map(\.addresses) == [[IPAddress("10.0.1.10")!]])
        #expect(await table.look().found.isEmpty)
        try sh(
            namespace, "ip addr add fd00::a/128 dev eth0 nodad; ip -6 route add default dev eth0")
        found = await table.look().found
        #expect(found.map(\.addresses) == [[IPAddress("10.0.1.10")!, IPAddress("fd00::a")!]])
        #expect(!table.isSettingUp && table.cookies == [cookie])

        unlink(name)
        #expect(await table.look().hasLost)
        #expect(table.cookies == [])
    }
}
