export{c2_a as a,c2_b as b,c2_c as c,c2_d as d,c2_e as e,c2_f as f,c2_g as g,c2_h as h,c2_i as i,c2_j as j,c2_k as k}from"../sign.js";
