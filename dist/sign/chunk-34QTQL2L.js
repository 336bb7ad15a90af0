export{c0_a as a,c0_b as b,c0_c as c,c0_d as d,c0_e as e,c0_f as f,c0_g as g,c0_h as h,c0_i as i,c0_j as j}from"../sign.js";
