"""From the one relocatable object that LLVM writes to a WebAssembly module that a page can load.

LLVM's object is a valid module whose indices are already final, because there is no other object
to merge with. A module in its own right needs three things more, and this file does no others:

- what the object imports from a linker (memory, stack pointer) is defined;
- the stack goes to the first megabyte and the data behind it, so that an overflow of the stack
  leaves the memory and traps, where LLVM's own placing would overwrite the data;
- the entry points are exported, with ``memory`` and ``__heap_base``.

Format: https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md
"""

STACK_BYTES = 1 << 20
PAGE_BYTES = 1 << 16
HOST_MODULE = "Math"  # import names are C's, which are JavaScript's: a page passes ``{Math}``

_LINKER = ("__linear_memory", "__stack_pointer")

_CUSTOM, _TYPE, _IMPORT, _FUNCTION, _, _MEMORY, _GLOBAL, _EXPORT = range(8)
_CODE, _DATA, _DATA_COUNT = 10, 11, 12
_ORDER = (_TYPE, _IMPORT, _FUNCTION, _MEMORY, _GLOBAL, _EXPORT, _DATA_COUNT, _CODE, _DATA)
_KIND_FUNCTION, _KIND_TABLE, _KIND_MEMORY, _KIND_GLOBAL = range(4)
_I32, _CONST, _MUTABLE, _I32_CONST, _END = 0x7F, 0x00, 0x01, 0x41, 0x0B

_SYMBOL_TABLE = 8
_SYMBOL_FUNCTION, _SYMBOL_DATA = 0, 1
_UNDEFINED, _EXPLICIT_NAME = 0x10, 0x40

# Relocations whose value is an index, final in a single object: of a function, a type, a variable.
_INDEX_RELOCATIONS = {0, 6, 7}
_ADDRESS_LEB, _ADDRESS_SLEB, _ADDRESS_I32 = 3, 4, 5


class _Reader:
    """A position in bytes."""

    def __init__(self, data, position=0):
        self.data = data
        self.position = position

    def __bool__(self):
        return self.position < len(self.data)

    def take(self, count):
        start, self.position = self.position, self.position + count
        return bytes(self.data[start : self.position])

    def byte(self):
        return self.take(1)[0]

    def unsigned(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def signed(self):
        start = self.position
        value = self.unsigned()
        bits = 7 * (self.position - start)
        return value - (1 << bits) if value >> (bits - 1) else value

    def name(self):
        return self.take(self.unsigned()).decode()

    def limits(self):
        """The encoded limits of a memory or table."""
        start = self.position
        if self.byte() & 1:
            self.unsigned()
        self.unsigned()
        return bytes(self.data[start : self.position])


def _unsigned(value, width=1):
    """LEB128 of ``value`` in at least ``width`` bytes."""
    out = bytearray()
    while value >= 0x80 or len(out) < width - 1:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def _signed(value, width=1):
    out = bytearray()
    while not -0x40 <= value < 0x40 or len(out) < width - 1:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value & 0x7F])


def _sized(data):
    return _unsigned(len(data)) + data


def _vector(items):
    return _unsigned(len(items)) + b"".join(items)


def _constant(value):
    return bytes([_I32_CONST]) + _signed(value) + bytes([_END])


def _sections(module):
    """Sections in order: (identifier, name of a custom one, content)."""
    reader = _Reader(module, 8)
    while reader:
        identifier = reader.byte()
        content = reader.take(reader.unsigned())
        name = ""
        if identifier == _CUSTOM:
            inner = _Reader(content)
            name = inner.name()
            content = content[inner.position :]
        yield identifier, name, content


def custom_section(name, content):
    """Encode a section that engines ignore, to be appended to a module: ``bytes`` under a name."""
    return bytes([_CUSTOM]) + _sized(_sized(name.encode()) + content)


def read_custom_section(module, name):
    """Read the ``bytes`` that :func:`custom_section` appended to a module; b"" where there are none."""
    return b"".join(
        content for identifier, found, content in _sections(module) if (identifier, found) == (_CUSTOM, name)
    )


def _imports(content):
    """Entries of the import section: (name, kind, encoded description)."""
    reader = _Reader(content)
    for _ in range(reader.unsigned()):
        reader.name()
        name, kind, start = reader.name(), reader.byte(), reader.position
        if kind == _KIND_FUNCTION:
            reader.unsigned()
        elif kind == _KIND_TABLE:
            reader.byte()
            reader.limits()
        elif kind == _KIND_MEMORY:
            reader.limits()
        else:
            reader.take(2)
        yield name, kind, reader.data[start : reader.position]


def _symbols(linking):
    """Entries of the object's symbol table: (kind, name, index, whether it is defined here).

    The name of an import stands at the import only and is empty here; data has no index.
    """
    reader = _Reader(linking)
    reader.unsigned()  # version
    while reader:
        kind, size = reader.byte(), reader.unsigned()
        if kind != _SYMBOL_TABLE:
            reader.take(size)
            continue
        for _ in range(reader.unsigned()):
            symbol, flags = reader.byte(), reader.unsigned()
            defined = not flags & _UNDEFINED
            name, index = "", None
            if symbol == _SYMBOL_DATA:
                name = reader.name()
                for _ in range(3 * defined):
                    reader.unsigned()
            else:
                index = reader.unsigned()
                if defined or flags & _EXPLICIT_NAME:
                    name = reader.name()
            yield symbol, name, index, defined


def _relocate(content, relocations, base):
    """Section ``content`` with every address in it moved up by ``base``."""
    content = bytearray(content)
    reader = _Reader(relocations)
    reader.unsigned()  # index of the section
    for _ in range(reader.unsigned()):
        kind, offset = reader.byte(), reader.unsigned()
        reader.unsigned()  # symbol
        if kind in _INDEX_RELOCATIONS:
            continue
        reader.signed()  # addend, already in the value
        site = _Reader(content, offset)
        if kind == _ADDRESS_LEB:
            value = _unsigned(site.unsigned() + base, 5)
        elif kind == _ADDRESS_SLEB:
            value = _signed(site.signed() + base, 5)
        elif kind == _ADDRESS_I32:
            value = (int.from_bytes(site.take(4), "little") + base).to_bytes(4, "little")
        else:
            raise ValueError(f"WebAssembly relocation of kind {kind} is not known")
        content[offset : offset + len(value)] = value
    return bytes(content)


def _place_data(content, base):
    """Data section with every segment moved up by ``base``, and the end of the last one."""
    reader = _Reader(content)
    segments, end = [], base
    for _ in range(reader.unsigned()):
        mode, opcode, address = reader.byte(), reader.byte(), base + reader.signed()
        if (mode, opcode, reader.byte()) != (0, _I32_CONST, _END):
            raise ValueError("WebAssembly data segment is not at a constant address")
        data = reader.take(reader.unsigned())
        segments.append(bytes([mode]) + _constant(address) + _sized(data))
        end = max(end, address + len(data))
    return _vector(segments), end


def undefined(object_file):
    """Names that an object uses and a linker cannot give, sorted: functions of the host, and others."""
    names = set()
    for identifier, custom, content in _sections(object_file):
        if identifier == _IMPORT:
            names.update(name for name, _, _ in _imports(content) if name not in _LINKER)
        elif custom == "linking":
            symbols = _symbols(content)
            names.update(name for kind, name, _, defined in symbols if kind == _SYMBOL_DATA and not defined)
    return sorted(names)


def link(object_file, entry_points):
    """Turn LLVM's only object into a module.

    Parameters
    ----------
    object_file : bytes
        Relocatable WebAssembly object, as LLVM's ``emit_object`` returns it. Nothing is
        :func:`undefined` in it but functions of the host.
    entry_points : dict of str to str
        Name of each exported function, and its name in the object.

    Returns
    -------
    bytes
        Module that imports functions of ``Math`` only, and exports the entry points, ``memory``
        and ``__heap_base``, the first free address (a multiple of 16).
    """
    sections, relocations, linking = {}, {}, b""
    for identifier, name, content in _sections(object_file):
        if identifier != _CUSTOM:
            sections[identifier] = content
        elif name == "linking":
            linking = content
        elif name.startswith("reloc."):
            relocations[{"reloc.CODE": _CODE, "reloc.DATA": _DATA}[name]] = content
    for identifier, content in relocations.items():
        sections[identifier] = _relocate(sections[identifier], content, STACK_BYTES)

    heap = STACK_BYTES
    if _DATA in sections:
        sections[_DATA], heap = _place_data(sections[_DATA], STACK_BYTES)
    heap = -(-heap // 16) * 16

    functions, variables = [], []
    for name, kind, description in _imports(sections[_IMPORT]):
        if kind == _KIND_FUNCTION:
            names = _sized(HOST_MODULE.encode()) + _sized(name.encode())
            functions.append(names + bytes([kind]) + description)
        elif name == "__stack_pointer":
            variables.append(bytes([_I32, _MUTABLE]) + _constant(STACK_BYTES))
    variables.append(bytes([_I32, _CONST]) + _constant(heap))

    index = {name: index for kind, name, index, defined in _symbols(linking) if kind == _SYMBOL_FUNCTION and defined}
    exports = [("memory", _KIND_MEMORY, 0), ("__heap_base", _KIND_GLOBAL, len(variables) - 1)]
    exports += [(name, _KIND_FUNCTION, index[symbol]) for name, symbol in entry_points.items()]

    pages = -(-heap // PAGE_BYTES)
    sections[_IMPORT] = _vector(functions)
    sections[_MEMORY] = _vector([b"\0" + _unsigned(pages)])
    sections[_GLOBAL] = _vector(variables)
    sections[_EXPORT] = _vector([_sized(name.encode()) + bytes([kind]) + _unsigned(i) for name, kind, i in exports])
    body = b"".join(bytes([i]) + _sized(sections[i]) for i in _ORDER if i in sections)
    return b"\0asm\1\0\0\0" + body
