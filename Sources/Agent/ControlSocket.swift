// The agent's unix socket: only root may speak to it, and only one agent may own it. A socket that
// nobody answers at is what a killed agent left, and is replaced.

import Glibc
package import HTTP
package import Linux

/// Makes the way free for the control server.
package enum ControlSocket {
    /// A path of a unix socket is shorter than this (`sun_path` of unix(7) with its closing zero).
    static let pathMax = 107

    /// Why the control server can't listen.
    package enum Failure: Error, Hashable, CustomStringConvertible {
        case pathTooLong(String)
        case agentAlive(String)
        /// Something that is no socket is at the path.
        case notASocket(String)
        case system(KernelError)

        package var description: String {
            switch self {
            case .pathTooLong(let path):
                "--control: \(path) has more than the \(ControlSocket.pathMax) bytes of a socket"
            case .agentAlive(let path): "another agent answers at \(path); one is enough"
            case .notASocket(let path): "\(path) exists and is no socket"
            case .system(let error): "\(error)"
            }
        }
    }

    /// Makes the socket's folder, removes a dead agent's socket, and listens with mode 0600.
    ///
    /// - Throws: `Failure`, or NIO's `IOError` when it can't listen.
    package static func listen(
        at path: String, routes: HTTPRoutes
    ) async throws -> HTTPServer {
        guard path.utf8.count <= pathMax else { throw Failure.pathTooLong(path) }
        do throws(KernelError) {
            if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
                try Directory.create(String(path[..<slash]), mode: 0o700)
            }
        } catch {
            throw Failure.system(error)
        }
        try await removeStale(path)
        // bind(2) makes the file with 0777 & ~umask; nobody may connect in between.
        let before = umask(0o177)
        defer { umask(before) }
        return try await HTTPServer(listeningAt: .unix(path), routes: routes)
    }

    private static func removeStale(_ path: String) async throws(Failure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        do {
            _ = try await HTTPClient.get("/v1/status", from: .unix(path))
        } catch .unreachable {
            guard unlink(path) == 0 || errno == ENOENT else {
                throw .system(KernelError.last("unlink", path))
            }
            return
        } catch {
            // Something took the connection and made no sense: it lives.
        }
        throw .agentAlive(path)
    }
}
