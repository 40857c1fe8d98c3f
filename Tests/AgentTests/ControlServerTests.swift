// The control socket with a made-up backend: who may open it, what it answers, and what becomes of
// a socket that a killed agent left.

import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import Agent
@testable import HTTP

/// A path in /tmp that nobody else uses; short enough for a socket.
private func temporaryPath() -> String { "/tmp/needletail-\(UUID().uuidString)" }

private let routes = HTTPRoutes([
    "/v1/status": { .json(200, ByteBuffer(string: "{\"kind\":\"Status\"}")) },
    "/long": { .text(200, String(repeating: "x", count: 1_000_000)) },
])

/// Runs the body while the server serves, then closes it and leaves its socket behind.
private func whileServing(
    at path: String, _ body: () async throws -> Void
) async throws {
    let server = try await ControlSocket.listen(at: path, routes: routes)
    let serving = Task { try await server.run() }
    defer { serving.cancel() }
    try await body()
    serving.cancel()
    _ = await serving.result
}

@Suite struct ControlServerTests {
    @Test("a question gets its document, over a socket that only root may open")
    func answer() async throws {
        let folder = temporaryPath()
        let path = "\(folder)/deep/s"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await whileServing(at: path) {
            let response = try await HTTPClient.get("/v1/status?x=1", from: .unix(path))
            #expect(response.status == 200)
            #expect(response.contentType == "application/json")
            #expect(String(buffer: response.body) == "{\"kind\":\"Status\"}")
            var status = stat()
            #expect(lstat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
        }
    }

    @Test("an answer of a megabyte arrives whole")
    func longAnswer() async throws {
        let folder = temporaryPath()
        let path = "\(folder)/deep/s"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await whileServing(at: path) {
            let response = try await HTTPClient.get("/long", from: .unix(path))
            #expect(response.body.readableBytes == 1_000_001)
        }
    }

    @Test("an unknown path is 404 and names what there is; another method is 405")
    func unknown() async throws {
        let folder = temporaryPath()
        let path = "\(folder)/deep/s"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await whileServing(at: path) {
            let response = try await HTTPClient.get("/v1/nothing", from: .unix(path))
            #expect(response.status == 404)
            #expect(String(buffer: response.body).contains("/v1/status"))
        }
        let refused = await routes.answer(HTTPRequest(method: "POST", path: "/v1/status"))
        #expect(refused.status == 405)
    }

    @Test("a second agent at the same socket is refused, and the first keeps serving")
    func second() async throws {
        let folder = temporaryPath()
        let path = "\(folder)/deep/s"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await whileServing(at: path) {
            await #expect(throws: ControlSocket.Failure.agentAlive(path)) {
                try await ControlSocket.listen(at: path, routes: routes)
            }
            let response = try await HTTPClient.get("/v1/status", from: .unix(path))
            #expect(response.status == 200)
        }
    }

    @Test("a dead agent's socket is replaced")
    func stale() async throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        // A clean stop removes the socket; under another name it stays, dead, as after a kill.
        try await whileServing(at: path + "x") { try #require(link(path + "x", path) == 0) }
        #expect(!FileManager.default.fileExists(atPath: path + "x"))
        await #expect(throws: HTTPClient.Failure.self) {
            try await HTTPClient.get("/v1/status", from: .unix(path))
        }
        try await whileServing(at: path) {
            let response = try await HTTPClient.get("/v1/status", from: .unix(path))
            #expect(response.status == 200)
        }
    }

    @Test("connections beyond the limit are closed; when one ends, the next is served")
    func limit() async throws {
        let path = temporaryPath()
        try await whileServing(at: path) {
            let loop = MultiThreadedEventLoopGroup.singleton.any()
            let held = try await EventLoopFuture.whenAllSucceed(
                (0..<HTTPServer.maximumConnections).map { _ in
                    ClientBootstrap(group: loop).connect(unixDomainSocketPath: path)
                }, on: loop
            ).get()
            // Each is counted by its own event loop: the limit is reached when all have.
            var isRefused = false
            for _ in 0..<1000 where !isRefused {
                isRefused = (try? await HTTPClient.get("/v1/status", from: .unix(path))) == nil
            }
            #expect(isRefused)
            for channel in held { channel.close(promise: nil) }
            // The server hears of the end a moment after us: ask until it has.
            var status = 0
            while status == 0 {
                status = (try? await HTTPClient.get("/v1/status", from: .unix(path)))?.status ?? 0
            }
            #expect(status == 200)
        }
    }

    @Test("a file that is no socket is left alone")
    func notASocket() async throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("precious".utf8).write(to: URL(filePath: path))
        await #expect(throws: ControlSocket.Failure.notASocket(path)) {
            try await ControlSocket.listen(at: path, routes: routes)
        }
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test("a path too long for a socket is refused by its length, not by the kernel")
    func longPath() async {
        let path = "/tmp/" + String(repeating: "x", count: 200)
        await #expect(throws: ControlSocket.Failure.pathTooLong(path)) {
            try await ControlSocket.listen(at: path, routes: routes)
        }
    }
}
