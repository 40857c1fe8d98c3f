// Closes a connection on which nothing moves any more, at either end of the agent's HTTP.

import NIOCore

/// Stands behind an `IdleStateHandler` and closes on its event.
final class CloseWhenIdle: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
