// The reserved ports of a namespace: ours come and go, others' stay as they were.

import Glibc
import Linux
import Model
import Testing

@testable import Agent

@Suite("reserved ports", .enabled(if: geteuid() == 0, "needs root")) struct ReservedPortsTests {
    private let namespace: NetworkNamespace
    private let directory: String

    init() throws {
        namespace = try NetworkNamespace.anonymous()
        directory = "/tmp/needletail-ports-\(UInt64.random(in: 0 ... .max))"
        mkdir(directory, 0o700)
    }

    private var ports: ReservedPorts { ReservedPorts(stateDirectory: directory, in: namespace) }

    private func shown() throws -> String { try Sysctl.read(ReservedPorts.setting, in: namespace) }

    private func leave() {
        unlink(ReservedPorts.path(in: directory))
        rmdir(directory)
    }

    @Test("what others reserved stays, also where it lies in our range")
    func merged() throws {
        defer { leave() }
        try Sysctl.write(ReservedPorts.setting, "8080,50000-50010", in: namespace)
        try ports.reserve(40_960...65_535)
        #expect(try shown() == "8080,40960-65535")
        try ports.reserve(40_960...65_535)
        #expect(try shown() == "8080,40960-65535")
        #expect(try ports.release()?.description == "40960-49999,50011-65535")
        #expect(try shown() == "8080,50000-50010")
        #expect(try ports.release() == nil)
    }

    @Test("another range takes the place of the last one")
    func moved() throws {
        defer { leave() }
        try ports.reserve(40_960...65_535)
        try ports.reserve(60_000...61_000)
        #expect(try shown() == "60000-61000")
        _ = try ports.release()
        #expect(try shown() == "")
    }
}
