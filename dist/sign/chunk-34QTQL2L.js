export{c1_a as a,c1_b as b,c1_c as c,c1_d as d,c1_e as e,c1_f as f,c1_g as g,c1_h as h,c1_i as i,c1_j as j}from"../sign.js";
