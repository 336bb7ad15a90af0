export{c14_a as a,c14_b as b,c14_c as c,c14_d as d,c14_e as e,c14_f as f,c14_g as g,c14_h as h,c14_i as i,c14_j as j}from"../sign.js";
