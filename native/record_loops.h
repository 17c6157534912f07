// The loops over records (docs/formats.md, "Record"), one pass over a batch. This text is included once in the namespace
// of every CRC-32C implementation, behind its primitives byte, half, word and words, with CAIRN_TARGET naming the
// instructions it may use: a template could not carry that attribute, and without it a compiler does not inline the
// primitives. A length is read once and checked against the range before anything is done with it.

CAIRN_TARGET static uint32_t crc32c(uint32_t seed, const uint8_t* bytes, size_t length) {
  uint32_t state = words(~seed, bytes, length / 8);
  const uint8_t* rest = bytes + length / 8 * 8;
  if (length & 4) {
    state = half(state, load<uint32_t>(rest));
    rest += 4;
  }
  for (size_t i = 0; i < (length & 3); i++) state = byte(state, rest[i]);
  return ~state;
}

/** bodyCrc: from the end of the header, at 44, to the end of the record's padding. `occupied` is at least 48. */
CAIRN_TARGET static inline uint32_t bodyCrcOf(const uint8_t* record, uint64_t occupied) {
  const uint32_t state = half(~0u, load<uint32_t>(record + kHeaderBytes));
  return ~words(state, record + 48, (occupied - 48) / 8);
}

/**
 * crc: bytes 4 to 44 of the header. What seal fills in (`link` is chain and previousLength) comes as values: read back
 * right after being stored, in words across two stores, it would stall.
 */
CAIRN_TARGET static inline uint32_t headerCrcOf(const uint8_t* record, uint64_t link, uint32_t bodyCrc) {
  uint32_t state = word(~0u, load<uint64_t>(record + 4));
  state = word(state, load<uint64_t>(record + 12));
  state = word(state, load<uint64_t>(record + 20));
  state = word(state, link);
  return ~word(state, bodyCrc | static_cast<uint64_t>(load<uint32_t>(record + kTypeAt)) << 32);
}

CAIRN_TARGET static int64_t seal(uint8_t* bytes, size_t length, ChainState& state) {
  int64_t count = 0;
  size_t at = 0;
  for (; at < length; count++) {
    const size_t left = length - at;
    if (left < kRecordBytesMin) return kNotRecords;
    uint8_t* record = bytes + at;
    const uint32_t recordLength = load<uint32_t>(record + kLengthAt);
    const uint64_t occupied = occupiedBy(recordLength);
    if (!isLength(recordLength) || occupied > left) return kNotRecords;
    if (load<uint64_t>(record + kPositionAt) != state.position) return kNotRecords;

    const uint64_t link = linkOf(state);
    const uint32_t bodyCrc = bodyCrcOf(record, occupied);
    const uint32_t crc = headerCrcOf(record, link, bodyCrc);
    store(record + kChainAt, link);
    store(record + kBodyCrcAt, bodyCrc);
    store(record, crc);
    state = {state.position + occupied, chainBehind(record, crc), recordLength, load<uint32_t>(record + kEpochAt)};
    at += occupied;
  }
  return count;
}

CAIRN_TARGET static VerifyStop verify(const uint8_t* bytes, size_t length, ChainState& state) {
  for (size_t at = 0; at < length;) {
    const size_t left = length - at;
    if (left < kHeaderBytes) return kPartial;
    const uint8_t* record = bytes + at;
    const uint32_t crc = load<uint32_t>(record);
    const uint32_t recordLength = load<uint32_t>(record + kLengthAt);
    const uint64_t link = load<uint64_t>(record + kChainAt);
    const uint32_t bodyCrc = load<uint32_t>(record + kBodyCrcAt);
    const uint32_t epoch = load<uint32_t>(record + kEpochAt);
    if (headerCrcOf(record, link, bodyCrc) != crc) return kBadHeader;
    if (!isLength(recordLength) || !isKnown(record[kTypeAt], record[kVersionAt])) return kBadHeader;
    if (load<uint64_t>(record + kPositionAt) != state.position || epoch < state.epoch) return kBadPosition;
    if (link != linkOf(state)) return kBadChain;
    const uint64_t occupied = occupiedBy(recordLength);
    if (occupied > left) return kPartial;
    if (bodyCrcOf(record, occupied) != bodyCrc) return kBadBody;
    state = {state.position + occupied, chainBehind(record, crc), recordLength, epoch};
    at += occupied;
  }
  return kEnd;
}
