//! The C interface from another language: one frame with a shipped network.
//!
//!     rustc --edition 2021 score.rs -l tinymlp && ./score
use std::ffi::{c_char, CStr, CString};

#[repr(C)]
struct Network {
    _opaque: [u8; 0],
}

#[repr(C)]
struct Features {
    adm2: f32,
    vif_scale0: f32,
    vif_scale1: f32,
    vif_scale2: f32,
    vif_scale3: f32,
    motion2: f32,
}

extern "C" {
    fn tinymlp_version() -> *const c_char;
    fn tinymlp_shipped(name: *const c_char) -> *const Network;
    fn tinymlp_vmaf_score(network: *const Network, frame: *const Features) -> f32;
    fn tinymlp_vmaf_clip(score: f32) -> f32;
}

fn main() {
    let name = CString::new(std::env::args().nth(1).unwrap_or("mlp_small".into())).unwrap();
    let frame = Features {
        adm2: 0.956559,
        vif_scale0: 0.402946,
        vif_scale1: 0.8345,
        vif_scale2: 0.915718,
        vif_scale3: 0.95124,
        motion2: 0.0,
    };
    // Safety: the name ends in a zero, the network is checked, both outlive the calls.
    let score = unsafe {
        let network = tinymlp_shipped(name.as_ptr());
        if network.is_null() {
            eprintln!("no network {:?} in tinymlp {:?}", name, CStr::from_ptr(tinymlp_version()));
            std::process::exit(1);
        }
        tinymlp_vmaf_clip(tinymlp_vmaf_score(network, &frame))
    };
    println!("{score}");
}
