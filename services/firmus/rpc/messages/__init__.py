"""The messages, generated from `contracts/proto` by `python -m rpc_messages.generate`."""
