//! Small files in the form of Go programs, for tests and for the corpus of the fuzz target.

/// A program that is made.
pub(crate) struct Specimen {
    /// The start of the text stands in the module data, as from Go 1.26 on.
    pub(crate) text_in_module: bool,
    /// Addresses are zero in the file and filled in by relocations.
    pub(crate) relocated: bool,
    /// The functions' names and first bytes.
    pub(crate) functions: Vec<(&'static str, [u8; 16])>,
}

pub(crate) const PROLOGUE: [u8; 16] =
    [0x49, 0x3b, 0x66, 0x10, 0x76, 0x2a, 0x55, 0x48, 0x89, 0xe5, 0, 0, 0, 0, 0, 0];
/// Where the program wants to lie, and where in its file the text begins.
pub(crate) const BASE: u64 = 0x40_0000;
pub(crate) const TEXT: u64 = 0x200;

impl Specimen {
    pub(crate) fn new(functions: &[&'static str]) -> Self {
        let functions = functions.iter().map(|name| (*name, PROLOGUE)).collect();
        Self { text_in_module: false, relocated: false, functions }
    }

    /// The file: headers, text at [`TEXT`], then table, module data, relocations and names, all in one segment.
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut file = vec![0; 0x200];
        for (_, first) in &self.functions {
            file.extend(first);
        }
        let table_at = file.len();
        let text = BASE + TEXT;
        let in_file = |wanted: bool| if wanted && !self.relocated { text } else { 0 };
        file.extend(self.table(in_file(!self.text_in_module)));
        let module_at = file.len();
        file.extend([0; 22 * 8]);
        file.extend(in_file(self.text_in_module).to_le_bytes());
        let relocations_at = file.len();
        if self.relocated {
            let place = if self.text_in_module { module_at + 22 * 8 } else { table_at + 24 };
            for word in [BASE + place as u64, 8, text] {
                file.extend(word.to_le_bytes());
            }
        }
        let names_at = file.len();
        let names = b"\0.gopclntab\0.go.module\0.rela\0.shstrtab\0";
        file.extend(names);
        let sections_at = file.len();
        let mut section = |name: u32, kind: u32, start: usize, end: usize| {
            let (start, bytes) = (start as u64, (end - start) as u64);
            file.extend(name.to_le_bytes());
            file.extend(kind.to_le_bytes());
            for word in [2, BASE + start, start, bytes, 0, 1, 0] {
                file.extend(word.to_le_bytes());
            }
        };
        section(0, 0, 0, 0);
        section(1, 1, table_at, module_at);
        section(12, 1, module_at, relocations_at);
        section(23, 4, relocations_at, names_at);
        section(29, 3, names_at, names_at + names.len());
        let length = file.len() as u64;
        let mut put =
            |place: usize, bytes: &[u8]| file[place..place + bytes.len()].copy_from_slice(bytes);
        put(0, &[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        put(18, &62_u16.to_le_bytes());
        put(32, &64_u64.to_le_bytes());
        put(40, &(sections_at as u64).to_le_bytes());
        for (place, value) in [(54, 56_u16), (56, 1), (58, 64), (60, 5), (62, 4)] {
            put(place, &value.to_le_bytes());
        }
        put(64, &1_u32.to_le_bytes());
        put(68, &5_u32.to_le_bytes());
        for (place, value) in [(72, 0), (80, BASE), (88, BASE), (96, length), (104, length)] {
            put(place, &value.to_le_bytes());
        }
        file
    }

    fn table(&self, text: u64) -> Vec<u8> {
        let mut names = Vec::new();
        let mut functions = Vec::new();
        let mut descriptions = Vec::new();
        let count = self.functions.len();
        for (number, (name, first)) in self.functions.iter().enumerate() {
            let description = count * 8 + 4 + descriptions.len();
            functions.extend(word(number * first.len()));
            functions.extend(word(description));
            descriptions.extend(word(number * first.len()));
            descriptions.extend(word(names.len()));
            names.extend(name.bytes().chain([0]));
        }
        functions.extend(word(count * 16));
        let mut table = vec![0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];
        let functions_at = 72 + names.len() as u64;
        for value in
            [count as u64, 0, text, 72, functions_at, functions_at, functions_at, functions_at]
        {
            table.extend(value.to_le_bytes());
        }
        table.extend(names);
        table.extend(functions);
        table.extend(descriptions);
        table
    }
}

fn word(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}
