export{c12_a as a,c12_b as b,c12_c as c,c12_d as d,c12_e as e,c12_f as f,c12_g as g,c12_h as h,c12_i as i,c12_j as j}from"../sign.js";
