# The addon `cairn`: durable disk I/O and the loops over record bytes. No instruction set is named here on purpose:
# each CRC-32C implementation asks for its own by a target attribute and is chosen at run time by cpuid or hwcap,
# so that one build runs on every host of its architecture.
{
  "targets": [
    {
      "target_name": "cairn",
      "sources": [
        "native/addon.cc",
        "native/disk.cc",
        "native/kernel.cc",
        "native/record_walks.cc",
        "native/append_run.cc",
        "native/remember_all.cc",
        "native/sequencer_tables.cc",
        "native/crc32c.cc",
        "native/crc32c_table.cc",
        "native/crc32c_x86.cc",
        "native/crc32c_arm.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      # The last: a thread that loads the addon while the process ends can not throw any more; without it that aborts.
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc": ["-fvisibility=hidden", "-fno-exceptions"]
    }
  ]
}
