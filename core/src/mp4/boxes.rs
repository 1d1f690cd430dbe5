//! Boxes: the type, size and place of each part of an MP4 file (ISO/IEC 14496-12 §4.2). Reads
//! headers from as few bytes as have arrived and walks the children of a box in memory; never looks
//! inside a payload.

use core::fmt;

/// A four-character code: the type of a box, a sample entry, a handler or a colour description.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Display for FourCc {
    /// The four characters, those that cannot be printed escaped: `avc1`, `\xa9nam`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourCc({self})")
    }
}

/// How far a box reaches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Size {
    /// So many bytes, header included. Never less than the header.
    Known(u64),
    /// To the end of whatever it lies in: the file, or the parent box. Written as size 0.
    ToEnd,
}

/// The head of a box.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BoxHeader {
    /// The type of the box.
    pub kind: FourCc,
    /// Length of the header: 8, or 16 with a 64-bit size, and 16 more for the type of a `uuid` box.
    pub header_len: u8,
    /// How far the box reaches, header included.
    pub size: Size,
}

/// Why the bytes at hand are not the head of a box.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeaderError {
    /// The header goes on after these bytes: at least so many are needed from its start.
    NeedMore(usize),
    /// The size is less than that of the header itself.
    Invalid,
}

impl BoxHeader {
    /// Bytes that always suffice to read a header: size, type, 64-bit size and `uuid` type.
    pub const MAX_LEN: usize = 32;

    /// Reads the header that `bytes` begins with. Whether the box fits in the file is for the
    /// caller to check.
    pub fn read(bytes: &[u8]) -> Result<Self, HeaderError> {
        let mut fields = Fields(bytes);
        let (Some(size32), Some(kind)) = (fields.u32(), fields.four_cc()) else {
            return Err(HeaderError::NeedMore(8));
        };
        let (size, mut header_len) = match size32 {
            0 => (Size::ToEnd, 8),
            1 => match fields.u64() {
                Some(size64) => (Size::Known(size64), 16),
                None => return Err(HeaderError::NeedMore(16)),
            },
            size32 => (Size::Known(u64::from(size32)), 8),
        };
        if kind == FourCc(*b"uuid") {
            header_len += 16;
            if bytes.len() < usize::from(header_len) {
                return Err(HeaderError::NeedMore(usize::from(header_len)));
            }
        }
        match size {
            Size::Known(size) if size < u64::from(header_len) => Err(HeaderError::Invalid),
            size => Ok(Self { kind, header_len, size }),
        }
    }

    /// Where the next box begins when this one begins at `offset`. None when this box reaches to
    /// the end of the file, or further than an offset can say.
    pub fn end(&self, offset: u64) -> Option<u64> {
        match self.size {
            Size::Known(size) => offset.checked_add(size),
            Size::ToEnd => None,
        }
    }
}

/// A box in memory.
#[derive(Clone, Copy, Debug)]
pub struct Child<'a> {
    /// The type of the box.
    pub kind: FourCc,
    /// Where the box's header begins, counted from where the caller began to count.
    pub offset: usize,
    /// What follows the header.
    pub body: &'a [u8],
    end: usize,
}

impl<'a> Child<'a> {
    /// The boxes inside this one, after `skip` bytes of the box's own fields.
    pub fn children(&self, skip: usize) -> Children<'a> {
        let rest = self.body.get(skip..).unwrap_or_default();
        Children { rest, offset: self.end - rest.len() }
    }

    /// Where the box's header ends, counted like [`Child::offset`].
    pub fn body_offset(&self) -> usize {
        self.end - self.body.len()
    }
}

/// A child box that is broken: shorter than its header, or longer than its parent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BrokenBox {
    /// Where its header begins.
    pub offset: usize,
    /// Its type.
    pub kind: FourCc,
}

/// Walks boxes that lie one after another. After a broken box there is nothing more. A rest of
/// fewer than 8 bytes is padding: QuickTime ends some lists with four zero bytes.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Children<'a> {
    /// The boxes in `bytes`, of which the first byte is called `offset`.
    pub fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { rest: bytes, offset }
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<Child<'a>, BrokenBox>;

    fn next(&mut self) -> Option<Self::Item> {
        let kind = FourCc(*self.rest.get(4..8)?.first_chunk()?);
        let rest = core::mem::take(&mut self.rest);
        let offset = self.offset;
        let broken = BrokenBox { offset, kind };
        let Ok(header) = BoxHeader::read(rest) else {
            return Some(Err(broken));
        };
        let len = match header.size {
            Size::Known(size) => usize::try_from(size).unwrap_or(usize::MAX),
            Size::ToEnd => rest.len(),
        };
        let Some((this, next)) = rest.split_at_checked(len) else {
            return Some(Err(broken));
        };
        let Some(body) = this.get(usize::from(header.header_len)..) else {
            return Some(Err(broken));
        };
        self.rest = next;
        self.offset = offset.saturating_add(len);
        Some(Ok(Child { kind, offset, body, end: self.offset }))
    }
}

/// Reads big-endian fields one after another; None once the bytes have run out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn four_cc(&mut self) -> Option<FourCc> {
        self.array().map(FourCc)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn header(bytes: &[u8]) -> (FourCc, u8, Size) {
        let BoxHeader { kind, header_len, size } = BoxHeader::read(bytes).unwrap();
        (kind, header_len, size)
    }

    #[test]
    fn a_header_says_its_size_in_32_or_64_bits_or_not_at_all() {
        let free = FourCc(*b"free");
        assert_eq!(header(b"\0\0\x01\0free"), (free, 8, Size::Known(256)));
        assert_eq!(header(b"\0\0\0\x01free\0\0\0\x02\0\0\0\0"), (free, 16, Size::Known(2 << 32)));
        assert_eq!(header(b"\0\0\0\0free"), (free, 8, Size::ToEnd));
    }

    #[test]
    fn a_uuid_box_has_a_longer_header() {
        let long = [b"\0\0\0\x18uuid".as_slice(), &[7; 16]].concat();
        assert_eq!(header(&long), (FourCc(*b"uuid"), 24, Size::Known(24)));
        assert_eq!(BoxHeader::read(&long[..23]), Err(HeaderError::NeedMore(24)));
        let longest = [b"\0\0\0\x01uuid\0\0\0\0\0\0\0\x20".as_slice(), &[7; 16]].concat();
        assert_eq!(longest.len(), BoxHeader::MAX_LEN);
        assert_eq!(header(&longest), (FourCc(*b"uuid"), 32, Size::Known(32)));
        assert_eq!(BoxHeader::read(&longest[..31]), Err(HeaderError::NeedMore(32)));
    }

    #[test]
    fn a_header_that_has_not_all_arrived_says_how_much_it_needs() {
        assert_eq!(BoxHeader::read(b""), Err(HeaderError::NeedMore(8)));
        assert_eq!(BoxHeader::read(b"\0\0\0\x10mda"), Err(HeaderError::NeedMore(8)));
        assert_eq!(BoxHeader::read(b"\0\0\0\x01mdat1234567"), Err(HeaderError::NeedMore(16)));
    }

    #[test]
    fn a_size_less_than_the_header_is_invalid() {
        assert_eq!(BoxHeader::read(b"\0\0\0\x07free"), Err(HeaderError::Invalid));
        assert!(BoxHeader::read(b"\0\0\0\x08free").is_ok());
        let wide = |size| [b"\0\0\0\x01free\0\0\0\0\0\0\0".as_slice(), &[size]].concat();
        assert_eq!(BoxHeader::read(&wide(15)), Err(HeaderError::Invalid));
        assert!(BoxHeader::read(&wide(16)).is_ok());
    }

    #[test]
    fn the_next_box_begins_where_this_one_ends() {
        let end = |bytes: &[u8], offset| BoxHeader::read(bytes).unwrap().end(offset);
        assert_eq!(end(b"\0\0\x01\0free", 1000), Some(1256));
        assert_eq!(end(b"\0\0\x01\0free", u64::MAX - 255), None);
        assert_eq!(end(b"\0\0\0\0free", 1000), None);
    }

    #[test]
    fn children_are_walked_up_to_the_first_broken_one() {
        let walk = |bytes| {
            Children::new(bytes, 100)
                .map(|child| child.map(|child| (child.offset, child.body_offset(), child.body)))
                .collect::<Vec<_>>()
        };
        let broken = BrokenBox { offset: 110, kind: FourCc(*b"skip") };
        assert_eq!(
            walk(b"\0\0\0\x0afree..\0\0\0\x09skip-"),
            [Ok((100, 108, &b".."[..])), Ok((110, 118, b"-"))]
        );
        assert_eq!(
            walk(b"\0\0\0\x0afree..\0\0\0\x0askip-"),
            [Ok((100, 108, &b".."[..])), Err(broken)]
        );
        assert_eq!(
            walk(b"\0\0\0\x0afree..\0\0\0\x02skip-\0\0\0\x08free"),
            [Ok((100, 108, &b".."[..])), Err(broken)]
        );
    }

    #[test]
    fn a_child_without_a_size_reaches_to_the_end_of_its_parent() {
        let mut children = Children::new(b"\0\0\0\0free12345", 0);
        assert_eq!(children.next().unwrap().unwrap().body, b"12345");
        assert!(children.next().is_none());
    }

    #[test]
    fn four_zero_bytes_at_the_end_are_padding() {
        assert_eq!(Children::new(b"\0\0\0\x08free\0\0\0\0", 0).count(), 1);
    }
}
