export{c13_a as a,c13_b as b,c13_c as c,c13_d as d,c13_e as e,c13_f as f,c13_g as g,c13_h as h,c13_i as i,c13_j as j}from"../sign.js";
