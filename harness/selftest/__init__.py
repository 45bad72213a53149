"""The self-test of an NPU host: whether its tools work here, and whether they are what is taken for granted of them.

    recording = rounds.record(toolchain, npu, folder)      runs the tools, and keeps what they said (`recording`)
    probes.statements(recording)                           what that proves of `harness.ascend.facts`
    report.text(recording), report.document(recording)     for people and for programs
    replay.differences(recording)                          the same texts, read again

What is concluded is always concluded from the recording, so that a bundle of it (`harness.capture`) is a test anywhere.
"""
